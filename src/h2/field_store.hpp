#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::h2 {

/// Decoded fields of one header block in memory of our own, which is used again for the next one.
class FieldStore {
  public:
    struct Entry {
        std::string_view name;
        std::string_view value;
    };

    void clear() noexcept {
        text_.clear();
        places_.clear();
        weight_ = 0;
    }
    void add(std::string_view name, std::string_view value) {
        places_.push_back({text_.size(), name.size(), value.size()});
        text_ += name;
        text_ += value;
    }
    /// Counts a field, whether it is kept or not, as RFC 9113 §6.5.2 weighs it.
    void weigh(std::string_view name, std::string_view value) noexcept {
        weight_ += name.size() + value.size() + 32;
    }
    [[nodiscard]] std::size_t weight() const noexcept { return weight_; }
    /// Octets of memory that it holds.
    [[nodiscard]] std::size_t bytes() const noexcept {
        return text_.capacity() + places_.capacity() * sizeof(Place);
    }
    [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
    /// Valid until the next add() or clear().
    [[nodiscard]] Entry operator[](std::size_t index) const noexcept {
        const Place& place = places_[index];
        const std::string_view text(text_);
        return {text.substr(place.at, place.name), text.substr(place.at + place.name, place.value)};
    }

  private:
    struct Place {
        std::size_t at;
        std::size_t name;
        std::size_t value;
    };
    std::string text_;
    std::vector<Place> places_;
    std::size_t weight_ = 0;
};

}  // namespace switchyard::h2
