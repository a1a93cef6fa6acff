#include "bench/switch/answer_check.hpp"

#include "bench/common/clock.hpp"

#include <utility>

#include <boost/json.hpp>

namespace switchyard::bench {
namespace {

constexpr std::size_t kMaxText = 4096;

std::string quoted(std::string_view text) {
    return "'" + std::string(text) + "'";
}

}  // namespace

AnswerCheck::AnswerCheck(World& world, Service& service, Kind kind, Transport transport,
                         Identity identity)
    : world_(world),
      service_(service),
      tally_(world.tally.kinds[index_of(kind)][index_of(transport)]),
      transport_(transport),
      identity_(identity) {}

/// A tunnel is switched to over HTTP/1.1 (RFC 9110 §15.2.2), and opened over HTTP/2 (RFC 8441 §5).
int AnswerCheck::right_status() const noexcept {
    const bool http2 = transport_ == Transport::h2c || transport_ == Transport::h2_tls;
    return expected_.body == Expected::Body::tunnel && !http2 ? 101 : 200;
}

void AnswerCheck::begin(std::uint64_t requests) {
    tally_.requests += requests;
    service_.books.accepted += requests;
}

void AnswerCheck::expect(Expected expected) {
    expected_ = std::move(expected);
    judged_ = false;
    body_bytes_ = 0;
    pattern_fault_.clear();
    text_.clear();
}

void AnswerCheck::head(const ResponseHead& head) {
    if (judged_) return;
    judged_ = true;
    const auto colour = parse_colour(head.colour);
    if (head.status != right_status() || !colour) return;
    pattern_ = test::PatternChecker(*colour);
    Timeline& timeline = service_.timeline;
    if (!timeline.allows(*colour, expected_.began, now_ns(), stand_)) {
        violate(timeline.misplaced() ? "C16" : "C1", expected_.id, timeline.reason());
    } else {
        if (service_.epochs)
            service_.epochs->answered(head.request_id, *colour, timeline.first_step(),
                                      timeline.last_step());
        learn(head);
    }
    const std::string& name = service_.slot_names[index_of(*colour)];
    if (!name.empty() && head.served_by != name)
        violate("C2", expected_.id,
                "X-Served-By says " + quoted(head.served_by) + ", but " + head.colour + " (" +
                    name + ") answered");
    if (head.close && !expected_.asked_to_close)
        violate("C5", expected_.id, "the proxy asks to close a kept-alive connection");
}

/// A client that nothing tells is another one with each request.
void AnswerCheck::learn(const ResponseHead& head) {
    if (identity_ == Identity::none) return;
    if (identity_ == Identity::cookie) {
        if (!head.canary_cookie.empty()) {
            cookie_ = head.canary_cookie;
            stand_ = {};
        }
        if (cookie_.empty()) return;
    }
    if (service_.timeline.learn(stand_)) ++world_.tally.placed;
}

void AnswerCheck::body(const ResponseHead& head, std::string_view piece) {
    const std::uint64_t before = body_bytes_;
    body_bytes_ += piece.size();
    if (head.status == right_status() && expected_.body == Expected::Body::pattern &&
        parse_colour(head.colour)) {
        if (!pattern_fault_.empty()) return;
        if (const auto offset = pattern_.feed(piece))
            pattern_fault_ = "the body is not that of " + head.colour + " from byte " +
                             std::to_string(*offset) + " on";
        return;
    }
    if (before < kMaxText) text_ += piece;
}

std::string AnswerCheck::upload_fault() const {
    boost::system::error_code error;
    const auto value = boost::json::parse(text_, error);
    const auto* object = error ? nullptr : value.if_object();
    if (!object) return "the answer to the upload is no JSON";
    const auto number = [&](const char* key) -> std::uint64_t {
        const auto* found = object->if_contains(key);
        return found && found->is_number() ? found->to_number<std::uint64_t>() : 0;
    };
    if (number("bytes") != expected_.bytes)
        return "sent " + std::to_string(expected_.bytes) + " bytes, the origin got " +
               std::to_string(number("bytes"));
    if (number("crc32") != expected_.crc32) return "the origin got other bytes than were sent";
    return "";
}

std::string AnswerCheck::fault(const ResponseHead& head) const {
    if (head.status != right_status()) {
        std::string text = "status " + std::to_string(head.status);
        if (!head.proxy_error.empty()) text += " by the proxy: " + head.proxy_error;
        return text;
    }
    if (!parse_colour(head.colour)) {
        if (head.grpc_status.empty()) return "no X-Origin-Colour in the answer";
        return "grpc-status " + head.grpc_status + " by the proxy: " + head.grpc_message;
    }
    if (head.test_id != expected_.id)
        return "got the answer to " + quoted(head.test_id) + " instead of its own";
    switch (expected_.body) {
        case Expected::Body::pattern:
            if (!pattern_fault_.empty()) return pattern_fault_;
            if (body_bytes_ != expected_.bytes)
                return "a body of " + std::to_string(body_bytes_) + " bytes instead of " +
                       std::to_string(expected_.bytes);
            return "";
        case Expected::Body::upload:
            return upload_fault();
        case Expected::Body::greeting:
            return text_.starts_with(head.colour) ? "" : "the body is not that of " + head.colour;
        case Expected::Body::tunnel:
            return "";
        case Expected::Body::messages:
            if (head.grpc_status == "0") return "";
            return head.grpc_status.empty() ? "no grpc-status in the trailers"
                                            : "grpc-status " + head.grpc_status;
    }
    return "";
}

bool AnswerCheck::finish(const ResponseHead& head, bool sent_all) {
    this->head(head);
    std::string wrong = fault(head);
    if (wrong.empty() && !sent_all) wrong = "answered before the request was sent completely";
    auto& books = service_.books;
    if (wrong.empty()) {
        if (!has_messages()) took(now_ns() - expected_.waited_since);
        ++tally_.ok;
        ++books.completed;
        ++books.completed_by_slot[index_of(*parse_colour(head.colour))];
        return true;
    }
    ++tally_.failed;
    ++books.failed;
    const bool answered = head.status == right_status() && parse_colour(head.colour);
    violate(!answered                                   ? "C10"
            : has_messages()                            ? "C11"
            : expected_.body == Expected::Body::upload  ? "C8"
            : expected_.body == Expected::Body::pattern ? "C9"
                                                        : "C5",
            expected_.id, wrong);
    return false;
}

void AnswerCheck::leave(const ResponseHead& head) {
    ++tally_.left;
    ++service_.books.client_abort;
    if (const auto colour = parse_colour(head.colour))
        ++service_.books.client_abort_by_slot[index_of(*colour)];
}

void AnswerCheck::lose(const std::string& why) {
    ++tally_.failed;
    ++service_.books.failed;
    violate(!judged_ ? "C5" : has_messages() ? "C11" : "C9", expected_.id, why);
}

void AnswerCheck::lose(const Expected& expected, const std::string& why) {
    ++tally_.failed;
    ++service_.books.failed;
    violate("C5", expected.id, why);
}

void AnswerCheck::violate(const char* guarantee, const std::string& id, const std::string& text) {
    world_.tally.violations.add(guarantee, id, text);
}

void AnswerCheck::took(std::int64_t nanoseconds) {
    if (!world_.tally.switching) {
        tally_.calm.add(nanoseconds);
        return;
    }
    tally_.switching.add(nanoseconds);
    const std::int64_t now = now_ns();
    const bool met = service_.last_switch.met(now - nanoseconds, now);
    (met ? tally_.around : tally_.between).add(nanoseconds);
}

}  // namespace switchyard::bench
