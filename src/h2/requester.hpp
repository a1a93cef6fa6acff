#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct nghttp2_session;

namespace switchyard::h2 {

/// A client of HTTP/2 without input and output of its own, for whoever has a loop of another kind
/// (health checks, warm-up): one request after the other over one connection. Octets that came go
/// in, octets to be sent come out. Any thread, one at a time.
class Requester {
  public:
    struct Request {
        std::string method = "GET";
        std::string scheme = "http";
        std::string authority;
        std::string path = "/";
        std::vector<std::pair<std::string, std::string>> fields;
        std::string body;
    };
    struct Answer {
        unsigned status = 0;                                      ///< 0: no final head yet.
        std::vector<std::pair<std::string, std::string>> fields;  ///< Trailers, too.
        std::string body;                                         ///< As far as it is kept.
        bool complete = false;
        /// Value of the last field with this name, in lower case; empty: none.
        [[nodiscard]] std::string_view value(std::string_view name) const noexcept;
    };

    /// `kept`: octets of a body that are kept; the rest is counted as read.
    explicit Requester(std::size_t kept = 4096);
    ~Requester();
    Requester(const Requester&) = delete;
    Requester& operator=(const Requester&) = delete;

    /// Begins a request; the one before is over, one way or the other. False: the connection can
    /// take no other.
    [[nodiscard]] bool ask(const Request& request);
    /// What is to be sent now; empty: nothing.
    [[nodiscard]] std::string take_output();
    /// Octets that came. False: see failure().
    bool feed(std::string_view octets);
    /// The other side's SETTINGS came: it speaks HTTP/2.
    [[nodiscard]] bool settled() const noexcept { return settled_; }
    /// The answer is complete, or there will be none.
    [[nodiscard]] bool done() const noexcept { return answer_.complete || !failure_.empty(); }
    [[nodiscard]] const Answer& answer() const noexcept { return answer_; }
    /// Why there will be no (complete) answer, in words; empty: no reason.
    [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
    /// Another request may follow over this connection.
    [[nodiscard]] bool reusable() const noexcept;

  private:
    friend struct RequesterCallbacks;

    nghttp2_session* library_ = nullptr;
    const std::size_t kept_;
    std::int32_t stream_ = 0;
    Answer answer_;
    std::string body_;  ///< Of the request, what was not sent yet.
    std::string failure_;
    bool settled_ = false;
    bool going_away_ = false;
};

}  // namespace switchyard::h2
