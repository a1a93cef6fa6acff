#include "control/warm_up.hpp"

#include "h2/requester.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/json/object.hpp>
#include <spdlog/fmt/fmt.h>

namespace switchyard::control {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace json = boost::json;

using boost::system::error_code;
using std::chrono::microseconds;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kLongestRequest{10};
constexpr std::chrono::milliseconds kPauseAfterFailure{100};
constexpr std::uint32_t kMostRounds = 100;

microseconds since(Steady::time_point begun) {
    return std::chrono::duration_cast<microseconds>(Steady::now() - begun);
}

std::string milliseconds(microseconds span) {
    return fmt::format("{:.3g} ms", static_cast<double>(span.count()) / 1000);
}

std::string reason_of(error_code failed) {
    if (failed == beast::error::timeout) return "timed out";
    return failed.message();
}

}  // namespace

/// A connection to one target, opened again when it was closed.
class WarmUp::Connection {
  public:
    Connection(asio::any_io_executor executor, std::shared_ptr<route::Target> target,
               std::string host)
        : executor_(std::move(executor)), target_(std::move(target)), host_(std::move(host)) {
        if (host_.empty()) host_ = target_->address();
    }

    /// Status of the answer; 0: there was none, see failure().
    asio::awaitable<unsigned> get(std::string path, Steady::time_point deadline) {
        const bool reused = stream_.has_value();
        unsigned status = co_await exchange(path, deadline);
        // A connection that was kept may have been closed by the other side meanwhile.
        if (status == 0 && reused) status = co_await exchange(path, deadline);
        co_return status;
    }
    [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

  private:
    using Protocol = asio::generic::stream_protocol;
    using Socket = beast::basic_stream<Protocol>;

    asio::awaitable<bool> open(Steady::time_point deadline) {
        const std::vector<route::SocketAddress> addresses = target_->addresses();
        failure_ = "no address is known";
        for (const route::SocketAddress& address : addresses) {
            const Protocol::endpoint endpoint(address.bytes, address.size);
            close();
            stream_.emplace(executor_);
            stream_->expires_at(deadline);
            const auto [failed] = co_await stream_->async_connect(endpoint, kTuple);
            if (failed) {
                failure_ = reason_of(failed);
                continue;
            }
            const bool announced = co_await announce();
            co_return announced;
        }
        close();
        co_return false;
    }

    /// Says that the connection is our own, where the target wants to be told.
    asio::awaitable<bool> announce() {
        const std::string_view header = own_proxy_header(target_->config().proxy_protocol);
        if (header.empty()) co_return true;
        const error_code failed = co_await send(header);
        if (!failed) co_return true;
        failure_ = reason_of(failed);
        close();
        co_return false;
    }

    void close() {
        http2_.reset();
        tls_.reset();
        stream_.reset();
        buffer_.clear();
    }

    /// The handshake over the connection that was opened.
    asio::awaitable<bool> encrypt() {
        client_ = target_->tls();
        ssl_st* made = client_ ? client_->make(target_->config().host) : nullptr;
        failure_ = "TLS is not set up";
        if (made != nullptr) {
            tls_.emplace(*stream_, made);
            const auto [failed] =
                co_await tls_->async_handshake(asio::ssl::stream_base::client, kTuple);
            if (!failed) co_return true;
            failure_ = failed == beast::error::timeout ? "" : client_->failure(made);
            if (failure_.empty()) failure_ = "TLS: " + reason_of(failed);
        }
        close();
        co_return false;
    }

    asio::awaitable<unsigned> exchange(std::string path, Steady::time_point deadline) {
        if (!stream_ && !co_await open(deadline)) co_return 0U;
        stream_->expires_at(deadline);
        if (target_->config().tls() && !tls_ && !co_await encrypt()) co_return 0U;
        if (target_->config().http2) {
            const unsigned status = co_await exchange_http2(std::move(path));
            co_return status;
        }
        const unsigned status = co_await exchange_http1(std::move(path));
        co_return status;
    }

    /// Over TLS, if this is set up.
    asio::awaitable<error_code> send(std::string_view octets) {
        if (tls_) {
            const auto [failed, sent] =
                co_await asio::async_write(*tls_, asio::buffer(octets), kTuple);
            co_return failed;
        }
        const auto [failed, sent] =
            co_await asio::async_write(*stream_, asio::buffer(octets), kTuple);
        co_return failed;
    }

    /// The next octets are at the beginning of `piece_` then.
    asio::awaitable<std::pair<error_code, std::size_t>> receive() {
        if (tls_) {
            const auto [failed, size] =
                co_await tls_->async_read_some(asio::buffer(piece_), kTuple);
            co_return std::pair(failed, size);
        }
        const auto [failed, size] = co_await stream_->async_read_some(asio::buffer(piece_), kTuple);
        co_return std::pair(failed, size);
    }

    asio::awaitable<unsigned> exchange_http1(std::string path) {
        const std::string request = "GET " + path + " HTTP/1.1\r\nHost: " + host_ +
                                    "\r\nUser-Agent: switchyard-warm-up\r\nAccept: */*\r\n\r\n";
        const error_code unsent = co_await send(request);
        if (unsent) co_return broken(unsent);
        for (;;) {
            http::response_parser<http::buffer_body> parser;
            const error_code failed = co_await read_answer(&parser);
            if (failed) co_return broken(failed);
            const unsigned status = parser.get().result_int();
            // What comes before the answer proper (RFC 9110 §15.2).
            if (status < 200 && status != 101) continue;
            if (!parser.keep_alive()) close();
            co_return status;
        }
    }

    asio::awaitable<error_code> read_answer(http::response_parser<http::buffer_body>* parser) {
        parser->body_limit(boost::none);  // The deadline is the limit: nothing is kept.
        parser->eager(true);
        std::array<char, 4 * 1024> body{};
        while (!parser->is_done()) {
            parser->get().body().data = body.data();
            parser->get().body().size = body.size();
            // In a body the parser does not say that it wants more.
            error_code failed = http::error::need_more;
            if (buffer_.size() != 0) buffer_.consume(parser->put(buffer_.data(), failed));
            if (failed == http::error::need_more) {
                const auto [ended, size] = co_await receive();
                failed = ended;
                buffer_.commit(
                    asio::buffer_copy(buffer_.prepare(size), asio::buffer(piece_, size)));
                if (ended == asio::error::eof) {
                    failed = http::error::end_of_stream;
                    if (parser->got_some()) parser->put_eof(failed = {});
                }
            }
            if (failed && failed != http::error::need_buffer) co_return failed;
        }
        co_return error_code();
    }

    asio::awaitable<unsigned> exchange_http2(std::string path) {
        if (!http2_) http2_ = std::make_unique<h2::Requester>(0);
        h2::Requester::Request request;
        request.scheme = target_->config().tls() ? "https" : "http";
        request.authority = host_;
        request.path = std::move(path);
        request.fields = {{"user-agent", "switchyard-warm-up"}, {"accept", "*/*"}};
        if (http2_->ask(request)) {
            while (!http2_->done()) {
                const std::string out = http2_->take_output();
                if (!out.empty()) {
                    const error_code unsent = co_await send(out);
                    if (unsent) co_return broken(unsent);
                }
                const auto [failed, size] = co_await receive();
                if (failed) co_return broken(failed);
                http2_->feed({piece_.data(), size});
            }
        }
        const unsigned status = http2_->answer().complete ? http2_->answer().status : 0;
        failure_ = http2_->failure();
        if (!http2_->reusable()) close();
        co_return status;
    }

    unsigned broken(error_code failed) {
        failure_ = reason_of(failed);
        close();
        return 0;
    }

    asio::any_io_executor executor_;
    std::shared_ptr<route::Target> target_;
    std::string host_;
    std::optional<Socket> stream_;
    std::shared_ptr<const TlsClient> client_;        ///< Of `tls_`, which points to it.
    std::optional<asio::ssl::stream<Socket&>> tls_;  ///< Over `stream_`.
    std::unique_ptr<h2::Requester> http2_;  ///< Of this connection, where the target speaks it.
    beast::flat_buffer buffer_;             ///< What was received and not looked at.
    std::array<char, 16 * 1024> piece_{};
    std::string failure_;
};

WarmUp::WarmUp(asio::any_io_executor executor, std::vector<std::shared_ptr<route::Target>> targets,
               std::string host, config::WarmUp options)
    : executor_(executor),
      targets_(std::move(targets)),
      host_(std::move(host)),
      options_(std::move(options)),
      tasks_(executor) {}

asio::awaitable<void> WarmUp::run() {
    deadline_ = Steady::now() + options_.limit;
    reports_.resize(targets_.size());
    for (std::size_t i = 0; i < targets_.size() && !cancelled_; ++i)
        tasks_.spawn("warm_up", warm(i));
    co_await tasks_.wait();
}

void WarmUp::cancel() {
    cancelled_ = true;
    tasks_.cancel();
}

asio::awaitable<void> WarmUp::warm(std::size_t index) {
    WarmUpReport& report = reports_[index];
    report.address = targets_[index]->address();
    Connection connection(executor_, targets_[index], host_);
    Settling settling;
    const auto paths = static_cast<std::int64_t>(options_.paths.size());
    while (!cancelled_ && Steady::now() < deadline_ && report.rounds < kMostRounds) {
        microseconds spent{};
        const bool whole = co_await round(index, connection, spent);
        if (!whole) {
            asio::steady_timer pause(executor_, kPauseAfterFailure);
            co_await pause.async_wait(kTuple);
            continue;
        }
        report.last = spent / paths;
        if (report.rounds++ == 0) report.first = report.last;
        report.settled = settling.add(spent);
        if (report.settled) break;
    }
}

asio::awaitable<bool> WarmUp::round(std::size_t index, Connection& connection,
                                    microseconds& spent) {
    WarmUpReport& report = reports_[index];
    bool whole = true;
    for (const std::string& path : options_.paths) {
        const auto begun = Steady::now();
        if (cancelled_ || begun >= deadline_) co_return false;
        const auto deadline = std::min<Steady::time_point>(deadline_, begun + kLongestRequest);
        ++report.requests;
        const unsigned status = co_await connection.get(path, deadline);
        if (status == 0) {
            report.failure = connection.failure();
            whole = false;
            continue;
        }
        ++report.answered;
        if (status >= 500) ++report.errors;
        spent += since(begun);
    }
    co_return whole;
}

bool WarmUp::answered() const {
    return std::any_of(reports_.begin(), reports_.end(),
                       [](const WarmUpReport& report) { return report.answered != 0; });
}

std::string WarmUp::summary() const {
    std::string text;
    for (const WarmUpReport& report : reports_) {
        text += (text.empty() ? "" : "; ") + report.address;
        if (report.rounds != 0) {
            text += fmt::format(": {} at first, {} after {} rounds{}", milliseconds(report.first),
                                milliseconds(report.last), report.rounds,
                                report.settled ? "" : ", not settled");
        } else if (report.answered != 0) {
            text += fmt::format(": {} of {} requests answered", report.answered, report.requests);
        } else {
            text += ": no answer";
        }
        if (report.errors != 0) text += fmt::format(", {} answers with 5xx", report.errors);
        if (!report.failure.empty()) text += fmt::format(", {}", report.failure);
    }
    return text;
}

json::array WarmUp::to_json() const {
    json::array targets;
    for (const WarmUpReport& report : reports_) {
        json::object object;
        object["address"] = report.address;
        object["requests"] = report.requests;
        object["answered"] = report.answered;
        object["errors"] = report.errors;
        object["rounds"] = report.rounds;
        object["first_us"] = report.first.count();
        object["last_us"] = report.last.count();
        object["settled"] = report.settled;
        object["failure"] = nullptr;
        if (!report.failure.empty()) object["failure"] = report.failure;
        targets.push_back(std::move(object));
    }
    return targets;
}

}  // namespace switchyard::control
