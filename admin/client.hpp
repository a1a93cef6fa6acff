#pragma once

#include "admin/connection.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>
#include <boost/system/result.hpp>

namespace switchyard::admin {

/// The daemon's answer. For a stream whose lines were handed out, `body` is empty.
struct Answer {
    unsigned status = 0;
    std::string body;         ///< As it came.
    boost::json::value json;  ///< The body, parsed; an object.

    [[nodiscard]] bool ok() const noexcept { return status >= 200 && status < 300; }
};

using AnswerResult = boost::system::result<Answer, Failure>;

/// One line of a stream, as it came (without its end) and parsed.
using OnLine = std::function<void(std::string_view line, const boost::json::value& json)>;

/// HTTP/1.1 and JSON over the daemon's unix socket: one connection a request. Blocking; one thread.
class Client {
  public:
    struct Limits {
        std::chrono::milliseconds connect{5'000};
        /// Without a byte. The daemon's streams have a line at least every 15 seconds.
        std::chrono::milliseconds silence{45'000};
        std::size_t body_bytes = 64 * 1024 * 1024;  ///< Of a whole answer, or of one line.
        int interrupt = -1;           ///< Ends every wait when it is readable; see Interrupts ...
        std::function<bool()> go_on;  ///< ... unless this says true.
        std::function<void()> tick;   ///< About once a second while nothing comes.
    };

    explicit Client(std::string socket) : Client(std::move(socket), Limits()) {}
    Client(std::string socket, Limits limits)
        : socket_(std::move(socket)), limits_(std::move(limits)) {}

    /// One request, one whole answer. Any status is an answer; a failure means there was none.
    AnswerResult call(std::string_view method, std::string_view target,
                      std::string_view body = {}) const;

    /// The same, but the lines of an application/x-ndjson answer go to `on_line` as they arrive.
    /// A failure may come after some lines.
    AnswerResult stream(std::string_view method, std::string_view target, std::string_view body,
                        const OnLine& on_line) const;

    [[nodiscard]] const std::string& socket() const noexcept { return socket_; }

  private:
    std::string socket_;
    Limits limits_;
};

/// A name as one segment of a URL's path.
std::string url_segment(std::string_view name);

}  // namespace switchyard::admin
