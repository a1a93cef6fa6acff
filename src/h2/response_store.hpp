#pragma once

#include "h2/field_store.hpp"
#include "h2/response_reader.hpp"
#include "http/head.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace switchyard::h2 {

/// What a stream reads the heads of a response into.
struct ResponseMemory {
    ResponseReader reading;               ///< The block that is coming in.
    std::vector<ResponseReader> waiting;  ///< Complete and not handed out.
    ResponseReader handed_out;
    FieldStore trailer_fields;
    http::Fields trailers;

    [[nodiscard]] std::size_t bytes() const noexcept {
        return reading.bytes() + handed_out.bytes() + trailer_fields.bytes();
    }
};

/// A worker's spare ones: a response then costs no allocation of ours. Outlives the streams that
/// take from it.
class ResponseStore {
  public:
    [[nodiscard]] ResponseMemory take() noexcept {
        if (spare_.empty()) return {};
        ResponseMemory memory = std::move(spare_.back());
        spare_.pop_back();
        return memory;
    }
    /// Keeps what is not too large, for as many streams as are usual at once.
    void give(ResponseMemory&& memory) noexcept {
#if defined(SWITCHYARD_ASAN)
        return;  // So that it sees whoever looks at a head that is gone.
#endif
        if (spare_.size() == spare_.capacity() || memory.bytes() > kLargest) return;
        memory.waiting.clear();
        memory.trailer_fields.clear();
        memory.trailers.clear();
        // Heads are handed out from there: it is the one that has grown.
        std::swap(memory.reading, memory.handed_out);
        memory.reading.start();
        memory.handed_out.start();
        spare_.push_back(std::move(memory));
    }

    ResponseStore() {
        spare_.reserve(kMost);
    }

  private:
    static constexpr std::size_t kMost = 64;
    static constexpr std::size_t kLargest = 16 * 1024;

    std::vector<ResponseMemory> spare_;
};

}  // namespace switchyard::h2
