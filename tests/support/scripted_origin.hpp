#pragma once

#include "support/raw_origin.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <utility>
#include <vector>

namespace switchyard::test {

/// What a scripted origin does with a request.
struct Act {
    enum class Kind { answer, drop, hang };
    Kind kind = Kind::answer;
    std::string bytes{};                 ///< Of an answer, or of its part before a drop.
    std::chrono::milliseconds delay{0};  ///< Before it.
};

inline Act answer(unsigned status, std::string_view body = "ok",
                  std::chrono::milliseconds delay = {}) {
    return {Act::Kind::answer,
            "HTTP/1.1 " + std::to_string(status) + " Scripted\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + std::string(body),
            delay};
}
/// Says that its connection is not to be used again.
inline Act last(Act act) {
    act.bytes.insert(act.bytes.find("\r\n") + 2, "Connection: close\r\n");
    return act;
}
inline Act drop() {
    return {Act::Kind::drop, {}, {}};
}
/// Promises one octet more than it sends before it closes.
inline Act break_off(unsigned status, std::string_view body = "ok") {
    return {Act::Kind::drop,
            "HTTP/1.1 " + std::to_string(status) + " Scripted\r\nContent-Length: " +
                std::to_string(body.size() + 1) + "\r\n\r\n" + std::string(body),
            {}};
}
inline Act hang() {
    return {Act::Kind::hang, {}, {}};
}

/// An origin that does with each request what a function says, and counts them by their
/// X-Request-Id. Health checks (/up) succeed, and count for nothing.
class ScriptedOrigin {
  public:
    /// `script(n)`: what happens to the n-th request, from 1 on. Any thread.
    explicit ScriptedOrigin(std::function<Act(int)> script)
        : script_(std::move(script)), origin_([this](int fd) { serve(fd); }) {}

    [[nodiscard]] std::string address() const { return origin_.address(); }
    [[nodiscard]] int requests() const { return requests_; }
    /// How often each request came.
    [[nodiscard]] std::map<std::string, int> by_id() const {
        const std::lock_guard lock(mutex_);
        return by_id_;
    }

  private:
    static std::string field(const std::string& head, std::string_view name) {
        const auto at = head.find("\r\n" + std::string(name) + ": ");
        if (at == std::string::npos) return {};
        const auto begin = at + name.size() + 4;
        return head.substr(begin, head.find("\r\n", begin) - begin);
    }

    void serve(int fd) {
        std::string input;
        char bytes[16 * 1024];
        for (;;) {
            std::size_t end = input.find("\r\n\r\n");
            std::size_t size = 0;
            if (end != std::string::npos) {
                const std::string length = field(input.substr(0, end + 2), "Content-Length");
                size = end + 4 + (length.empty() ? 0 : std::stoul(length));
            }
            if (end == std::string::npos || input.size() < size) {
                const auto got = ::recv(fd, bytes, sizeof bytes, 0);
                if (got <= 0) return;
                input.append(bytes, static_cast<std::size_t>(got));
                continue;
            }
            const std::string head = input.substr(0, end + 2);
            input.erase(0, size);
            if (head.starts_with("GET /up ")) {
                if (!RawOrigin::send_all(fd, kHealthy)) return;
                continue;
            }
            {
                const std::lock_guard lock(mutex_);
                ++by_id_[field(head, "X-Request-Id")];
            }
            const Act act = script_(++requests_);
            if (act.kind == Act::Kind::drop) {
                static_cast<void>(RawOrigin::send_all(fd, act.bytes));
                ::shutdown(fd, SHUT_RDWR);
                return;
            }
            if (act.kind == Act::Kind::hang) continue;
            if (act.delay.count() != 0) std::this_thread::sleep_for(act.delay);
            if (!RawOrigin::send_all(fd, act.bytes)) return;
        }
    }

    std::function<Act(int)> script_;
    mutable std::mutex mutex_;
    std::map<std::string, int> by_id_;
    std::atomic<int> requests_{0};
    RawOrigin origin_;  ///< Last: its threads end before what they use.
};

/// A configuration of FrontDoor's in which other targets stand in the place of the blue origin.
inline std::string with_blue_targets(std::string yaml, const std::string& origin,
                                     const std::vector<std::string>& targets) {
    std::string list;
    for (const std::string& target : targets)
        list += (list.empty() ? "\"" : ", \"") + target + "\"";
    const std::string former = '"' + origin + '"';
    return yaml.replace(yaml.find(former), former.size(), list);
}

}  // namespace switchyard::test
