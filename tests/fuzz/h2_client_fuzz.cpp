// Whatever an origin says over HTTP/2, and whatever becomes of the requests meanwhile: each one
// ends in one clean response or in a fault, the connection comes to its end, and what we send is
// what was to be sent. An input is a script; its first octet says how the connection is opened
// (kOpen*), then each octet is a step with its arguments:
//
//   F type flags stream size octets   the origin has a frame to send
//   D stream n                        ... a DATA frame of n * 64 octets
//   R size octets                     ... any octets
//   Y                                 sends what it has, and everybody has a turn
//   Q kind                            another request (kKind*), if the connection takes one
//   C n / P n / I n                   request n: cancelled / may pull a piece / its pull is ended
//   L / V                             the connection is left / doubted
// depends: switchyard_h2 switchyard_h1 switchyard_http
#include "fuzz/h1_check.hpp"
#include "h1/serialize.hpp"
#include "h2/client_session.hpp"
#include "h2/client_stream.hpp"
#include "h2/requester.hpp"
#include "http/forward.hpp"
#include "unit/net/support.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace switchyard;
using http::Fault;

constexpr unsigned kOpenFewStreams = 1;
constexpr unsigned kOpenSmallWindow = 2;
constexpr unsigned kOpenWithoutSettings = 4;
constexpr unsigned kOpenFarewell = 8;

constexpr unsigned kKindHead = 1;
constexpr unsigned kKindBody = 2;
constexpr unsigned kKindTrailers = 4;
constexpr unsigned kKindDrops = 8;  ///< Lets go of the stream with the response's head.
constexpr unsigned kKindSlow = 16;  ///< Pulls a piece only when it may.
constexpr unsigned kKindLength = 32;
constexpr unsigned kKindLong = 64;  ///< More than the window at first.

constexpr std::size_t kMostRequests = 40;
constexpr std::size_t kShortBody = 100;
constexpr std::size_t kLongBody = 100'000;

/// Every request's body begins like that.
const std::string& pattern() {
    static const std::string octets = [] {
        std::string made(kLongBody, '\0');
        for (std::size_t i = 0; i < made.size(); ++i)
            made[i] = static_cast<char>('a' + i % 23);
        return made;
    }();
    return octets;
}

// -- What we say, as the origin sees it

/// RFC 9113 §5.1, of one stream.
class SentStream {
  public:
    void frame(std::uint8_t type, std::uint8_t flags, std::string_view payload) {
        constexpr std::uint8_t kData = 0, kHeaders = 1, kReset = 3, kContinuation = 9;
        if (type == kReset) {
            fuzz::require(began_ && !reset_, "a stream that began is reset once");
            reset_ = true;
        }
        if (type == kContinuation) fuzz::require(began_ && !reset_, "a block goes on");
        if (type != kData && type != kHeaders) return;
        fuzz::require(!reset_ && !ended_, "nothing follows the end of a stream");
        fuzz::require(type == kHeaders || began_, "a stream begins with its head");
        began_ = true;
        if (type == kData) {
            fuzz::require(pattern().substr(body_, payload.size()) == payload,
                          "a body is sent as it is");
            body_ += payload.size();
        }
        ended_ = (flags & 1) != 0;
        if (ended_) {
            fuzz::require(body_ == 0 || body_ == kShortBody || body_ == kLongBody,
                          "a body that ends is complete");
        }
    }

  private:
    std::size_t body_ = 0;
    bool began_ = false;
    bool ended_ = false;
    bool reset_ = false;
};

class SentFrames {
  public:
    void take(std::string_view octets) {
        rest_ += octets;
        std::string_view left = rest_;
        if (!preface_seen_) {
            constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
            if (left.size() < kPreface.size()) return;
            fuzz::require(left.starts_with(kPreface), "it begins with the preface");
            left.remove_prefix(kPreface.size());
            preface_seen_ = true;
        }
        const auto octet = [&left](std::size_t at) { return static_cast<std::uint8_t>(left[at]); };
        while (left.size() >= 9) {
            const std::size_t size = std::size_t{octet(0)} << 16U | octet(1) << 8U | octet(2);
            if (left.size() < 9 + size) break;
            const std::uint32_t id = std::uint32_t{octet(5)} << 24U |
                                     std::uint32_t{octet(6)} << 16U |
                                     std::uint32_t{octet(7)} << 8U | octet(8);
            if (id % 2 != 0) streams_[id].frame(octet(3), octet(4), left.substr(9, size));
            // Pushes are refused (RFC 9113 §8.4).
            fuzz::require(id == 0 || id % 2 != 0 || octet(3) == 3, "what is pushed gets a reset");
            left.remove_prefix(9 + size);
        }
        rest_.erase(0, rest_.size() - left.size());
    }

  private:
    std::string rest_;
    std::map<std::uint32_t, SentStream> streams_;
    bool preface_seen_ = false;
};

// -- Requests

/// Goes on to a client of HTTP/1.1 as a head that parses as the same.
void check_head(const http::ResponseHead& head, http::Verb verb) {
    fuzz::require(head.status >= 100 && head.status < 600 && head.status != 101, "a status is one");
    http::OutgoingResponse reply;
    reply.status = head.status;
    reply.reason = h1::reason_phrase(head.status);
    http::forward_response(head, "X-Served-By", reply.fields);
    reply.raw_lines = "X-Served-By: blue\r\n";
    reply.framing = head.framing;
    reply.content_length = head.content_length;
    reply.send_content_length = head.has_content_length;
    std::string sent;
    h1::append_response(sent, reply, head.framing == http::Framing::chunked,
                        h1::ConnectionLine::none);
    const auto lines = fuzz::lines_of(sent);
    fuzz::check_fields(lines, true);
    fuzz::require(fuzz::count(lines, "X-Served-By") == 1, "who served is said once", sent);

    h1::ResponseParser parser;
    http::ResponseHead again;
    parser.start(again, h1::HeadLimits{256 * 1024, 300, 0});
    const h1::ParseResult result = parser.parse(sent.data(), sent.size());
    fuzz::require(result.status == h1::ParseStatus::done, "it parses in HTTP/1.1", sent);
    fuzz::require(result.consumed == sent.size(), "it is one head", sent);
    fuzz::require(http::validate_response(again, verb).accepted(), "it is valid in HTTP/1.1", sent);
    if (head.framing == http::Framing::length) {
        fuzz::require(again.content_length == head.content_length, "its length is the same", sent);
    }
}

/// One request as the relay makes it: an upload beside the response, all of it ended before the
/// stream is let go.
class Caller {
  public:
    Caller(net::EventLoop& loop, h2::ClientSession& session, h2::ResponseStore& store,
           unsigned kind)
        : loop_(loop), session_(session), store_(store), kind_(kind) {
        out_.method = has(kKindHead) ? "HEAD" : "GET";
        if (has(kKindBody)) out_.method = "POST";
        out_.target = "/";
        out_.fields.push_back({http::FieldId::host, "Host", "example.com"});
        if (has(kKindBody)) {
            size_ = has(kKindLong) ? kLongBody : kShortBody;
            out_.framing = has(kKindLength) ? http::Framing::length : http::Framing::chunked;
            out_.content_length = has(kKindLength) ? size_ : 0;
        }
        if (has(kKindTrailers)) {
            trailers_.push_back({http::FieldId::unknown, "X-Sum", "0"});
        }
    }

    void start() { life_.start(live()); }
    void cancel() {
        if (stream_) stream_->cancel();
        let_pull(~0U);
    }
    void interrupt() {
        if (stream_ && reads_body_) stream_->body().interrupt();
    }
    void let_pull(unsigned pieces) {
        pieces_ = pieces;
        if (gate_) loop_.resume_soon(std::exchange(gate_, nullptr));
    }
    Fork& life() { return life_; }

  private:
    [[nodiscard]] bool has(unsigned bit) const { return (kind_ & bit) != 0; }

    struct Gate {
        Caller& caller;
        [[nodiscard]] bool await_ready() const noexcept {
            return !caller.has(kKindSlow) || caller.pieces_ > 0;
        }
        void await_suspend(std::coroutine_handle<> self) const noexcept { caller.gate_ = self; }
        void await_resume() const noexcept {
            if (caller.pieces_ > 0 && caller.pieces_ != ~0U) --caller.pieces_;
        }
    };

    Task<void> live() {
        stream_ = std::make_unique<h2::ClientStream>(loop_, store_);
        session_.attach(*stream_);
        upload_.start(send());
        bool final_head = false;
        while (!final_head) {
            const Fault fault = co_await stream_->read_head(head_, verb(), {}, {}, {});
            if (fault != Fault::none) break;
            check_head(head_, verb());
            final_head = head_.status >= 200;
        }
        if (final_head && !has(kKindDrops)) co_await read_body();
        if (!upload_.done()) stream_->cancel();
        co_await upload_.join();
        static_cast<void>(stream_->unprocessed());
        stream_.reset();
    }

    Task<void> send() {
        http::Chunk piece;
        const std::string_view all(pattern().data(), size_);
        piece.data = all.substr(0, size_ / 2);
        piece.last = size_ == 0;
        Fault fault = co_await stream_->send_head(out_, piece, trailers_, std::chrono::seconds(60));
        if (fault != Fault::none || size_ == 0) co_return;
        piece.data = all.substr(size_ / 2);
        piece.last = !has(kKindTrailers);
        fault = co_await stream_->send_body(piece, trailers_);
        if (fault != Fault::none || piece.last) co_return;
        piece = {};
        piece.last = true;
        co_await stream_->send_body(piece, trailers_);
    }

    Task<void> read_body() {
        reads_body_ = true;
        http::Body& body = stream_->body();
        http::Chunk piece;
        std::uint64_t got = 0;
        while (!piece.last) {
            co_await Gate{*this};
            if (!body.try_next(piece)) piece = co_await body.next();
            if (piece.fault != Fault::none) co_return;
            got += piece.data.size();
            fuzz::require(got == body.received(), "a body counts itself");
        }
        fuzz::require(body.finished(), "the last piece is the last");
        fuzz::require(head_.framing != http::Framing::none || got == 0, "no body has no octets");
        fuzz::require(head_.framing != http::Framing::length || got == head_.content_length,
                      "a body is as long as it was said");
        for (const http::Field& field : body.trailers())
            fuzz::require(http::trailer_allowed(field), "a trailer field may pass", field.name);
    }

    [[nodiscard]] http::Verb verb() const {
        if (has(kKindBody)) return http::Verb::post;
        return has(kKindHead) ? http::Verb::head : http::Verb::get;
    }

    net::EventLoop& loop_;
    h2::ClientSession& session_;
    h2::ResponseStore& store_;
    const unsigned kind_;
    http::OutgoingRequest out_;
    http::Fields trailers_;
    http::ResponseHead head_;
    std::size_t size_ = 0;
    unsigned pieces_ = 0;
    bool reads_body_ = false;
    std::coroutine_handle<> gate_;
    std::unique_ptr<h2::ClientStream> stream_;
    Fork upload_;
    Fork life_;
};

// -- The script

class Script {
  public:
    explicit Script(std::string_view octets) : left_(octets) {}
    [[nodiscard]] bool empty() const { return left_.empty(); }
    std::uint8_t octet() {
        if (left_.empty()) return 0;
        const auto first = static_cast<std::uint8_t>(left_.front());
        left_.remove_prefix(1);
        return first;
    }
    std::string_view octets(std::size_t size) {
        const std::string_view taken = left_.substr(0, size);
        left_.remove_prefix(taken.size());
        return taken;
    }
    /// Most octets are no step: they stand for one, so that chance finds steps.
    char step() {
        constexpr std::string_view kSteps = "FYDQCPIRLV";
        const std::uint8_t first = octet();
        const bool known = kSteps.find(static_cast<char>(first)) != std::string_view::npos;
        return known ? static_cast<char>(first) : kSteps[first % 8];
    }

  private:
    std::string_view left_;
};

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint8_t stream,
                  std::string_view payload) {
    const auto size = static_cast<std::uint32_t>(payload.size());
    std::string made{static_cast<char>(size >> 16U),
                     static_cast<char>(size >> 8U),
                     static_cast<char>(size),
                     static_cast<char>(type),
                     static_cast<char>(flags),
                     '\0',
                     '\0',
                     '\0',
                     static_cast<char>(stream)};
    made += payload;
    return made;
}

class Play final : public h2::ClientSession::Owner {
  public:
    Play(unsigned open, Script script) : open_(open), script_(script) {
        h2::ClientOptions options;
        if ((open & kOpenFewStreams) != 0) options.max_concurrent_streams = 2;
        if ((open & kOpenSmallWindow) != 0) options.stream_window = 100;
        session_ = std::make_unique<h2::ClientSession>(loop_, *this, options, counts_);
    }

    void run() {
        if (!session_->stream().open(pair_.take_ours())) return;
        net::test::run(loop_, play());
        fuzz::require(!session_->stream().is_open(), "the session has closed its stream");
    }
    /// What the origin has sent, as it was cut.
    [[nodiscard]] const std::vector<std::string>& said() const { return said_; }
    void settled() override { ++settled_; }

  private:
    Task<void> play() {
        life_.start(session_->run(std::chrono::seconds(60)));
        if ((open_ & kOpenWithoutSettings) == 0) to_send_ = frame(4, 0, 0, {});
        co_await turn();
        while (!script_.empty())
            co_await step();
        co_await turn();
        for (const auto& caller : callers_)
            caller->let_pull(~0U);
        co_await turn();
        if ((open_ & kOpenFarewell) != 0) session_->farewell();
        pair_.shut();
        co_await life_.join();
        for (const auto& caller : callers_)
            caller->let_pull(~0U);
        for (const auto& caller : callers_)
            co_await caller->life().join();
        fuzz::require(settled_ <= 1, "it is settled once");
        fuzz::require(counts_.connections.get() == 0 && counts_.streams.get() == 0,
                      "what has ended counts no more");
        fuzz::require(!session_->takes_streams() && session_->leaving(),
                      "nothing goes over a connection that ended");
    }

    Task<void> step() {
        switch (script_.step()) {
            case 'F': {
                const std::uint8_t type = script_.octet();
                const std::uint8_t flags = script_.octet();
                const std::uint8_t stream = script_.octet();
                const std::uint8_t size = script_.octet();
                to_send_ += frame(type, flags, stream, script_.octets(size));
                break;
            }
            case 'D': {
                const std::uint8_t stream = script_.octet();
                to_send_ +=
                    frame(0, 0, stream, std::string(std::size_t{script_.octet()} * 64, 'x'));
                break;
            }
            case 'R':
                to_send_ += script_.octets(script_.octet());
                break;
            case 'Y':
                co_await turn();
                break;
            case 'Q':
                ask(script_.octet());
                break;
            case 'C':
                if (Caller* const one = caller()) one->cancel();
                break;
            case 'P':
                if (Caller* const one = caller()) one->let_pull(1);
                break;
            case 'I':
                if (Caller* const one = caller()) one->interrupt();
                break;
            case 'L':
                session_->leave();
                break;
            default:
                session_->doubt(loop_.timers().now());
                break;
        }
    }

    void ask(unsigned kind) {
        if (callers_.size() >= kMostRequests || !session_->takes_streams()) return;
        callers_.push_back(std::make_unique<Caller>(loop_, *session_, store_, kind));
        callers_.back()->start();
    }

    Caller* caller() {
        const std::uint8_t which = script_.octet();
        return callers_.empty() ? nullptr : callers_[which % callers_.size()].get();
    }

    Task<void> turn() {
        std::string_view rest = to_send_;
        if (!rest.empty()) said_.push_back(to_send_);
        unsigned rounds = 0;
        do {
            if (!rest.empty()) {
                const auto sent =
                    ::send(pair_.theirs(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
                if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
                if (sent < 0 && errno != EAGAIN) rest = {};
            }
            co_await loop_.yield();
            char arrivals[64 * 1024];
            for (;;) {
                const auto got = ::recv(pair_.theirs(), arrivals, sizeof arrivals, MSG_DONTWAIT);
                if (got <= 0) break;
                sent_.take({arrivals, static_cast<std::size_t>(got)});
                rounds = 0;
            }
        } while (!rest.empty() || ++rounds < 4);
        to_send_.clear();
    }

    const unsigned open_;
    Script script_;
    net::EventLoop loop_;
    net::test::Pair pair_ = net::test::Pair::local();
    observe::UpstreamHttp2 counts_;
    h2::ResponseStore store_;
    std::unique_ptr<h2::ClientSession> session_;
    std::vector<std::unique_ptr<Caller>> callers_;
    std::string to_send_;
    std::vector<std::string> said_;
    SentFrames sent_;
    unsigned settled_ = 0;
    Fork life_;
};

/// The client of health checks hears the same.
void ask_without_loop(const std::vector<std::string>& said, bool with_body) {
    h2::Requester requester(64);
    h2::Requester::Request request;
    request.authority = "example.com";
    if (with_body) request.body = "a body";
    SentFrames sent;
    bool asked = false;
    for (const std::string& octets : said) {
        if (!asked || (requester.done() && requester.reusable())) asked = requester.ask(request);
        // Bodies of its own are none of ours.
        if (!with_body)
            sent.take(requester.take_output());
        else
            static_cast<void>(requester.take_output());
        if (!requester.feed(octets)) break;
        const auto& answer = requester.answer();
        fuzz::require(answer.body.size() <= 64, "no more of a body is kept");
        if (answer.complete) {
            fuzz::require(answer.status >= 200 && answer.status < 1000, "an answer has a status");
        }
    }
    fuzz::require(requester.failure().empty() || requester.done(), "a failure is an end");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > 16 * 1024) return 0;
    Play play(data[0], Script({reinterpret_cast<const char*>(data) + 1, size - 1}));
    play.run();
    ask_without_loop(play.said(), (data[0] & kOpenSmallWindow) != 0);
    return 0;
}
