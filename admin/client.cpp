#include "admin/client.hpp"

#include <cctype>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/json/parse.hpp>

namespace switchyard::admin {

namespace {

namespace http = boost::beast::http;
namespace json = boost::json;

Failure garbage(const std::string& socket, const std::string& what) {
    return {Failure::Kind::garbage,
            "What answers on " + socket + " is not switchyardd, or is damaged: " + what + ".",
            "Check --socket and SWITCHYARD_SOCKET."};
}

Failure ended(const std::string& socket) {
    return {Failure::Kind::broken,
            "The daemon (" + socket + ") closed the connection before it had answered.",
            "It may have ended: look at its log and at switchyard status."};
}

/// Reads one answer from a connection; bytes in, lines and an Answer out.
class Reader {
  public:
    Reader(const std::string& socket, std::size_t body_bytes, const OnLine* on_line)
        : socket_(socket), body_bytes_(body_bytes), on_line_(on_line) {
        parser_.eager(true);
    }

    [[nodiscard]] bool done() const { return parser_.is_done(); }

    /// Takes what arrived; leaves in `bytes` what can't be understood yet.
    boost::system::result<void, Failure> take(std::string& bytes) {
        while (!bytes.empty() && !parser_.is_done()) {
            // Beast counts the limit down over the whole body, but a stream has no end.
            parser_.body_limit(body_bytes_);
            boost::beast::error_code error;
            const std::size_t used = parser_.put(boost::asio::buffer(bytes), error);
            bytes.erase(0, used);
            if (error == http::error::need_more) break;
            if (error) return garbage(socket_, error.message());
            if (used == 0) break;
        }
        if (streaming()) {
            if (auto lines = hand_out_lines(); !lines) return lines;
        }
        if (parser_.get().body().size() > body_bytes_) {
            return garbage(socket_, "the answer is too long");
        }
        return {};
    }

    AnswerResult end() {
        boost::beast::error_code error;
        if (parser_.got_some() && !parser_.is_done()) parser_.put_eof(error);
        if (error || !parser_.is_done()) return ended(socket_);
        Answer answer;
        answer.status = parser_.get().result_int();
        if (streaming()) {
            if (!parser_.get().body().empty()) return ended(socket_);  // Half a line.
            return answer;
        }
        answer.body = std::move(parser_.get().body());
        answer.json = json::parse(answer.body, error);
        if (error || !answer.json.is_object()) {
            return garbage(socket_,
                           "status " + std::to_string(answer.status) + " without a JSON object");
        }
        return answer;
    }

  private:
    [[nodiscard]] bool streaming() const {
        return on_line_ != nullptr && parser_.is_header_done() &&
               parser_.get()[http::field::content_type].starts_with("application/x-ndjson");
    }

    boost::system::result<void, Failure> hand_out_lines() {
        std::string& body = parser_.get().body();
        std::size_t begin = 0;
        for (;;) {
            const std::size_t end = body.find('\n', begin);
            if (end == std::string::npos) break;
            const auto line = std::string_view(body).substr(begin, end - begin);
            begin = end + 1;
            if (line.empty()) continue;
            boost::system::error_code error;
            const json::value value =
                json::parse(json::string_view(line.data(), line.size()), error);
            if (error || !value.is_object()) {
                return garbage(socket_, "a line of the stream is not a JSON object");
            }
            (*on_line_)(line, value);
        }
        body.erase(0, begin);
        return {};
    }

    const std::string& socket_;
    std::size_t body_bytes_;
    const OnLine* on_line_;
    http::response_parser<http::string_body> parser_;
};

std::string request(std::string_view method, std::string_view target, std::string_view body) {
    std::string text;
    text.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: switchyard\r\n");
    text += "User-Agent: switchyard/" SWITCHYARD_VERSION "\r\nConnection: close\r\n";
    if (!body.empty()) text += "Content-Type: application/json\r\n";
    if (method != "GET") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return text.append("\r\n").append(body);
}

AnswerResult exchange(const std::string& socket, const Client::Limits& limits,
                      const std::string& request_bytes, const OnLine* on_line) {
    auto connection = Connection::open(socket, limits.connect);
    if (!connection) return connection.error();
    connection->interrupt_by(limits.interrupt, limits.go_on);
    if (limits.tick) connection->every_second(limits.tick);
    if (auto sent = connection->send(request_bytes, limits.silence); !sent) return sent.error();
    Reader reader(socket, limits.body_bytes, on_line);
    std::string bytes;
    while (!reader.done()) {
        const auto got = connection->receive(bytes, limits.silence);
        if (!got) return got.error();
        if (*got == 0) break;
        if (auto taken = reader.take(bytes); !taken) return taken.error();
    }
    return reader.end();
}

}  // namespace

AnswerResult Client::call(std::string_view method, std::string_view target,
                          std::string_view body) const {
    return exchange(socket_, limits_, request(method, target, body), nullptr);
}

AnswerResult Client::stream(std::string_view method, std::string_view target, std::string_view body,
                            const OnLine& on_line) const {
    return exchange(socket_, limits_, request(method, target, body), &on_line);
}

std::string url_segment(std::string_view name) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
            out += c;
        } else {
            out += '%';
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        }
    }
    return out;
}

}  // namespace switchyard::admin
