#pragma once

#include "base/colour.hpp"
#include "support/origin/books.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace switchyard::origin {

/// What /up answers. Any thread.
class Health {
  public:
    struct Answer {
        unsigned status = 200;
        std::string body = "ok\n";
        std::chrono::milliseconds delay{0};
    };

    [[nodiscard]] Answer get() const {
        const std::lock_guard lock(mutex_);
        return answer_;
    }
    void set(Answer answer) {
        const std::lock_guard lock(mutex_);
        answer_ = std::move(answer);
    }
    /// Healthy becomes 503 and back (SIGUSR1).
    void toggle() {
        const std::lock_guard lock(mutex_);
        answer_ = answer_.status == 200 ? Answer{503, "taken out\n", {}} : Answer{};
    }

  private:
    mutable std::mutex mutex_;
    Answer answer_;
};

/// What all threads of one origin share. The books are one per thread; made before the threads
/// start, so that the list itself never changes while they run.
struct World {
    Colour colour = Colour::blue;
    std::string name;
    Health health;
    std::vector<std::unique_ptr<Books>> books;
    std::atomic<std::uint64_t> next_connection{1};

    /// The books of all threads as one JSON object (see README.md).
    [[nodiscard]] std::string books_json() const;
    void reset_books();
};

}  // namespace switchyard::origin
