#pragma once

#include "bench/common/response_reader.hpp"
#include "bench/switch/requests.hpp"
#include "bench/switch/world.hpp"
#include "support/pattern.hpp"

#include <string>
#include <string_view>

namespace switchyard::bench {

/// Judges one answer after the other, whatever protocol it comes over, and enters each request in
/// the books with exactly one outcome: finish(), leave() or lose().
class AnswerCheck {
  public:
    /// What tells the proxy that it is the same client again (C16).
    enum class Identity : unsigned char { none, cookie, name };

    /// With an identity, only one request of the client is under way at any time.
    AnswerCheck(World& world, Service& service, Kind kind, Transport transport,
                Identity identity = Identity::none);

    /// What the next request has to send as a Cookie; empty: none.
    const std::string& cookie() const noexcept { return cookie_; }

    /// So many requests are begun: they are accepted from here on.
    void begin(std::uint64_t requests = 1);
    /// The next answer is that to this request.
    void expect(Expected expected);
    const Expected& expected() const noexcept { return expected_; }

    /// The head is complete: which slot has answered is known, and C1 is judged. The same head
    /// goes to all calls until the end of the answer.
    void head(const ResponseHead& head);
    void body(const ResponseHead& head, std::string_view piece);
    bool has_head() const noexcept { return judged_; }
    /// The status of a right answer.
    int right_status() const noexcept;
    std::uint64_t body_bytes() const noexcept { return body_bytes_; }

    /// The answer is complete. `sent_all`: so is the request. True: it is what it has to be.
    bool finish(const ResponseHead& head, bool sent_all);
    /// The client goes away on purpose.
    void leave(const ResponseHead& head);
    /// There will be no (whole) answer.
    void lose(const std::string& why);
    /// The same for a request that waits behind the one that is judged.
    void lose(const Expected& expected, const std::string& why);

    void violate(const char* guarantee, const std::string& id, const std::string& text);
    /// How long something took.
    void took(std::int64_t nanoseconds);

  private:
    void learn(const ResponseHead& head);
    /// What is measured and judged is not the answer as a whole.
    bool has_messages() const noexcept {
        return expected_.body == Expected::Body::tunnel ||
               expected_.body == Expected::Body::messages;
    }
    std::string fault(const ResponseHead& head) const;
    std::string upload_fault() const;

    World& world_;
    Service& service_;
    KindTally& tally_;
    const Transport transport_;
    const Identity identity_;
    std::string cookie_;
    Stand stand_;  // of the client that the cookie or the name tells
    Expected expected_;
    bool judged_ = false;
    std::uint64_t body_bytes_ = 0;
    test::PatternChecker pattern_{Colour::blue};
    std::string pattern_fault_;
    std::string text_;  // a short body
};

}  // namespace switchyard::bench
