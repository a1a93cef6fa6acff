#pragma once

#include "control/wakeup.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace switchyard::control {

/// A line of a stream, with its newline; shared among those who get it.
using Line = std::shared_ptr<const std::string>;

/// Lines on their way to one reader. Bounded: push() never waits. One thread, one reader.
class LineQueue {
  public:
    LineQueue(boost::asio::any_io_executor executor, std::size_t limit);

    /// False if the queue is full: the line is lost.
    bool push(Line line);
    /// No more lines come; what is queued can still be read.
    void close();

    [[nodiscard]] bool closed() const noexcept { return closed_; }
    [[nodiscard]] bool empty() const noexcept { return lines_.empty(); }
    [[nodiscard]] bool full() const noexcept { return lines_.size() >= limit_; }

    /// The next line if there is one, else nullptr.
    [[nodiscard]] Line take();
    /// Until there is a line or the queue is closed, at most `timeout`.
    boost::asio::awaitable<void> wait_for(std::chrono::steady_clock::duration timeout);

  private:
    std::size_t limit_;
    bool closed_ = false;
    std::deque<Line> lines_;
    Wakeup changed_;
};

/// What a streamed answer consists of, pulled line by line.
class LineSource {
  public:
    virtual ~LineSource() = default;
    /// The next line; nullptr: the stream is over.
    virtual boost::asio::awaitable<Line> next() = 0;
};

}  // namespace switchyard::control
