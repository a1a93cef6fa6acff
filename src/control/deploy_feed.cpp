#include "control/deploy_feed.hpp"

#include "control/events.hpp"
#include "control/times.hpp"

#include <algorithm>
#include <utility>

namespace switchyard::control {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::size_t kKeptOfAHost = 200;  // Lines, for those who attach later.
constexpr std::size_t kTailOfAHost = 20;   // Lines, for the result and the history ...
constexpr std::size_t kTailBytes = 400;    // ... of each so much.
constexpr std::size_t kBehind = 1'024;     // Lines that a reader may be behind.

json::object output_json(const RemoteOutput& output, std::string_view line) {
    json::object object;
    object["host"] = output.host;
    object["stderr"] = output.from_stderr;
    object["line"] = line;
    return object;
}

/// At most `bytes` of UTF-8, whole characters only.
std::string_view shortened(std::string_view text, std::size_t bytes) {
    if (text.size() <= bytes) return text;
    while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80)
        --bytes;
    return text.substr(0, bytes);
}

}  // namespace

class DeployFeed::Stream final : public LineSource {
  public:
    Stream(std::shared_ptr<Reader> reader, std::chrono::milliseconds heartbeat)
        : reader_(std::move(reader)), heartbeat_(heartbeat) {}

    asio::awaitable<Line> next() override {
        const auto deadline = Steady::now() + heartbeat_;
        while (reader_->lines.empty() && reader_->lost == 0 && !reader_->closed &&
               Steady::now() < deadline) {
            co_await reader_->changed.wait_until(deadline);
        }
        if (!reader_->lines.empty()) {
            Line line = std::move(reader_->lines.front());
            reader_->lines.pop_front();
            co_return line;
        }
        if (reader_->lost != 0) co_return lost_line();
        if (reader_->closed) co_return nullptr;
        json::object heartbeat;
        heartbeat["event"] = "heartbeat";
        heartbeat["at"] = rfc3339(Wall::now());
        co_return line_of(heartbeat);
    }

  private:
    Line lost_line() {
        json::object event;
        event["event"] = "lost";
        event["at"] = rfc3339(Wall::now());
        event["count"] = std::exchange(reader_->lost, 0);
        return line_of(event);
    }

    std::shared_ptr<Reader> reader_;
    std::chrono::milliseconds heartbeat_;
};

void DeployFeed::send(const Line& line, bool may_be_lost) {
    std::erase_if(readers_, [](const auto& entry) { return entry.expired(); });
    for (const auto& entry : readers_) {
        const auto reader = entry.lock();
        if (may_be_lost && (reader->lost != 0 || reader->lines.size() >= kBehind)) {
            // The reader is told of it in its place: after what is queued.
            ++reader->lost;
            continue;
        }
        if (reader->lost != 0) {
            json::object event;
            event["event"] = "lost";
            event["at"] = rfc3339(Wall::now());
            event["count"] = std::exchange(reader->lost, 0);
            reader->lines.push_back(line_of(event));
        }
        reader->lines.push_back(line);
        reader->changed.notify();
    }
}

void DeployFeed::say(json::object event) {
    if (closed_) return;
    if (!event.contains("at")) event["at"] = rfc3339(Wall::now());
    const Line line = line_of(event);
    kept_.push_back(line);
    send(line, false);
}

void DeployFeed::progress(json::object event) {
    if (closed_) return;
    const std::string kind(event.at("event").as_string());
    if (!event.contains("at")) event["at"] = rfc3339(Wall::now());
    const Line line = line_of(event);
    const auto former = progress_.find(kind);
    if (former != progress_.end()) kept_.erase(former->second);
    progress_[kind] = kept_.insert(kept_.end(), line);
    send(line, true);
}

void DeployFeed::output(const RemoteOutput& output) {
    if (closed_) return;
    json::object event = output_json(output, output.line);
    event["event"] = "output";
    event["at"] = rfc3339(Wall::now());
    const Line line = line_of(event);
    auto& kept = output_[output.host];
    kept.push_back(kept_.insert(kept_.end(), line));
    if (kept.size() > kKeptOfAHost) {
        kept_.erase(kept.front());
        kept.pop_front();
    }
    auto& tail = tails_[output.host];
    tail.push_back(output);
    if (tail.size() > kTailOfAHost) tail.pop_front();
    send(line, true);
}

void DeployFeed::close() {
    closed_ = true;
    for (const auto& entry : readers_) {
        const auto reader = entry.lock();
        if (!reader) continue;
        reader->closed = true;
        reader->changed.notify();
    }
    readers_.clear();
}

std::unique_ptr<LineSource> DeployFeed::follow(std::chrono::milliseconds heartbeat) {
    auto reader = std::make_shared<Reader>(executor_);
    reader->lines.assign(kept_.begin(), kept_.end());
    reader->closed = closed_;
    if (!closed_) readers_.push_back(reader);
    return std::make_unique<Stream>(std::move(reader), heartbeat);
}

json::array DeployFeed::tail() const {
    json::array lines;
    for (const auto& [host, tail] : tails_) {
        for (const RemoteOutput& output : tail) {
            lines.push_back(output_json(output, shortened(output.line, kTailBytes)));
        }
    }
    return lines;
}

}  // namespace switchyard::control
