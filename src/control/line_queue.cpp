#include "control/line_queue.hpp"

#include <utility>

namespace switchyard::control {

namespace asio = boost::asio;

LineQueue::LineQueue(asio::any_io_executor executor, std::size_t limit)
    : limit_(limit), changed_(std::move(executor)) {}

bool LineQueue::push(Line line) {
    if (closed_ || full()) return false;
    lines_.push_back(std::move(line));
    changed_.notify();
    return true;
}

void LineQueue::close() {
    closed_ = true;
    changed_.notify();
}

Line LineQueue::take() {
    if (lines_.empty()) return nullptr;
    Line line = std::move(lines_.front());
    lines_.pop_front();
    return line;
}

asio::awaitable<void> LineQueue::wait_for(std::chrono::steady_clock::duration timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (lines_.empty() && !closed_ && std::chrono::steady_clock::now() < deadline) {
        co_await changed_.wait_until(deadline);
    }
}

}  // namespace switchyard::control
