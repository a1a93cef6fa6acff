#pragma once

#include "control/refusal.hpp"

#include <optional>
#include <string>
#include <utility>

namespace switchyard::control {

/// Holds the change lock of a service (or the reload's) while it is being changed; gives it back
/// early by release(). `place` outlives the guard. Control thread only.
class ChangeGuard {
  public:
    ChangeGuard(std::optional<ChangeUnderWay>& place, Caller caller, std::string action,
                std::optional<Colour> slot)
        : place_(&place) {
        place = ChangeUnderWay{std::move(caller), std::move(action), Wall::now(), slot};
    }
    ChangeGuard(ChangeGuard&& other) noexcept : place_(std::exchange(other.place_, nullptr)) {}
    ChangeGuard& operator=(ChangeGuard&&) = delete;
    ~ChangeGuard() { release(); }
    void release() noexcept {
        if (place_ != nullptr) place_->reset();
        place_ = nullptr;
    }

  private:
    std::optional<ChangeUnderWay>* place_;
};

}  // namespace switchyard::control
