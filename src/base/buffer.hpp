#pragma once

#include <cstddef>
#include <string_view>

namespace switchyard {

/// Bytes that were read and not yet consumed, in one contiguous block from a thread-local pool of
/// fixed sizes. Empty buffers hold no memory. Views into it stay valid until the next call that is
/// not const, but for consume().
class Buffer {
  public:
    Buffer() = default;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    Buffer(Buffer&& other) noexcept { swap(other); }
    Buffer& operator=(Buffer&& other) noexcept {
        if (this != &other) {
            release();
            swap(other);
        }
        return *this;
    }
    ~Buffer() { release(); }

    [[nodiscard]] const char* data() const noexcept { return block_ + begin_; }
    [[nodiscard]] char* data() noexcept { return block_ + begin_; }
    [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
    [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] std::string_view view() const noexcept { return {data(), size()}; }

    /// Where the next bytes go, and how many fit without moving anything.
    [[nodiscard]] char* tail() noexcept { return block_ + end_; }
    [[nodiscard]] std::size_t room() const noexcept { return capacity_ - end_; }
    /// `count` bytes were written at tail().
    void commit(std::size_t count) noexcept { end_ += count; }
    /// Takes bytes off the front; their memory stays as it is until something is read anew.
    void consume(std::size_t count) noexcept { begin_ += count; }
    /// Takes bytes off the end.
    void truncate(std::size_t size) noexcept { end_ = begin_ + size; }
    void clear() noexcept { begin_ = end_ = 0; }

    /// Moves what it holds to the front and makes room for `capacity` bytes in all.
    void reserve(std::size_t capacity);
    /// Gives the memory back to the pool; the content is gone.
    void release() noexcept;
    void swap(Buffer& other) noexcept;

  private:
    char* block_ = nullptr;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace switchyard
