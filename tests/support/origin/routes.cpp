#include "support/origin/routes.hpp"

#include "support/origin/page.hpp"
#include "support/websocket_frames.hpp"

#include <algorithm>
#include <array>

#include <boost/json.hpp>

namespace switchyard::origin {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxKept = 1024 * 1024;

/// What a route's function gets.
struct Context {
    const Request& request;
    const Received& body;
    const Arrival& arrival;
    World& world;

    [[nodiscard]] std::uint64_t number(std::string_view name, std::uint64_t fallback) const {
        return query_number(request.query, name, fallback);
    }
    [[nodiscard]] bool flag(std::string_view name) const { return number(name, 0) != 0; }
};

/// JSON text must be UTF-8: bytes above 127 are written as the Latin-1 characters they would be.
std::string as_utf8(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) {
            text.push_back(c);
        } else {
            text.push_back(static_cast<char>(0xc0 | byte >> 6));
            text.push_back(static_cast<char>(0x80 | (byte & 0x3f)));
        }
    }
    return text;
}

Answer json_answer(const boost::json::object& object) {
    Answer answer;
    answer.type = "application/json";
    answer.text = boost::json::serialize(object) + "\n";
    return answer;
}

Answer hello(const Context& c) {
    Answer answer;
    answer.fields.append("X-Origin: ").append(to_string(c.world.colour)).append("\r\n");
    answer.text.append(to_string(c.world.colour)).append(" ").append(c.world.name).append("\n");
    return answer;
}

Answer up(const Context& c) {
    auto health = c.world.health.get();
    Answer answer;
    answer.status = health.status;
    answer.text = std::move(health.body);
    answer.delay = health.delay;
    return answer;
}

Answer sleep(const Context& c) {
    auto answer = hello(c);
    answer.delay = milliseconds(c.number("ms", 1000));
    return answer;
}

/// The pattern, with the framing and the speed that the query asks for.
Answer bytes(const Context& c) {
    Answer answer;
    answer.type = "application/octet-stream";
    answer.pattern_bytes = c.number("n", 1024);
    answer.rate = c.number("rate", 0);
    answer.delay = milliseconds(c.number("ms", 0));
    if (c.flag("chunked")) answer.framing = Answer::Framing::chunked;
    return answer;
}

Answer upload(const Context& c) {
    auto answer = json_answer(
        {{"colour", to_string(c.world.colour)}, {"bytes", c.body.bytes}, {"crc32", c.body.crc32}});
    answer.delay = milliseconds(c.number("ms", 0));
    return answer;
}

Answer echo(const Context& c) {
    if (c.flag("raw")) {
        Answer answer;
        answer.text = c.request.head + c.body.kept;
        return answer;
    }
    boost::json::array fields;
    for (const auto& [name, value] : c.request.fields) {
        fields.emplace_back(boost::json::array{as_utf8(name), as_utf8(value)});
    }
    return json_answer({{"colour", to_string(c.world.colour)},
                        {"name", c.world.name},
                        {"method", c.request.method},
                        {"target", as_utf8(c.request.target)},
                        {"path", as_utf8(c.request.path)},
                        {"query", as_utf8(c.request.query)},
                        {"version", c.request.minor_version == 1 ? "HTTP/1.1" : "HTTP/1.0"},
                        {"headers", fields},
                        {"body", as_utf8(c.body.kept)},
                        {"body_bytes", c.body.bytes},
                        {"crc32", c.body.crc32},
                        {"chunked", c.request.chunked},
                        {"trailers", as_utf8(c.body.trailers)},
                        {"connection", c.arrival.connection},
                        {"request", c.arrival.request}});
}

Answer status(const Context& c) {
    const auto code =
        static_cast<unsigned>(std::clamp<std::uint64_t>(c.number("code", 200), 200, 999));
    Answer answer;
    answer.status = code;
    answer.text = std::string(to_string(c.world.colour)) + " " + std::to_string(code) + "\n";
    if (const auto field = query_value(c.request.query, "field")) answer.fields = *field + "\r\n";
    return answer;
}

Answer chunked(const Context& c) {
    auto answer = bytes(c);
    answer.framing = Answer::Framing::chunked;
    answer.fields = "Trailer: X-Trailer-Bytes, X-Trailer-Colour\r\n";
    answer.trailers = "X-Trailer-Bytes: " + std::to_string(*answer.pattern_bytes) +
                      "\r\nX-Trailer-Colour: " + std::string(to_string(c.world.colour)) + "\r\n";
    return answer;
}

Answer early(const Context& c) {
    Answer answer;
    answer.status =
        static_cast<unsigned>(std::clamp<std::uint64_t>(c.number("code", 413), 200, 999));
    answer.text = "too much for " + std::string(to_string(c.world.colour)) + "\n";
    answer.ending = Answer::Ending::close;
    return answer;
}

Answer expectation(const Context& c) {
    if (!c.flag("refuse")) return upload(c);
    auto answer = early(c);
    answer.status = 417;
    return answer;
}

Answer hints(const Context& c) {
    auto answer = hello(c);
    answer.interim = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
    return answer;
}

Answer close(const Context& c) {
    auto answer = bytes(c);
    answer.framing = Answer::Framing::until_close;
    return answer;
}

/// Breaks off in the middle: `n` bytes are promised, `at` of them sent (the half by default).
Answer broken(const Context& c, Answer::Ending ending) {
    auto answer = bytes(c);
    answer.stop_after = c.number("at", *answer.pattern_bytes / 2);
    answer.ending = ending;
    return answer;
}

Answer truncate(const Context& c) {
    return broken(c, Answer::Ending::cut);
}

/// Without "n" not even the head is sent.
Answer reset(const Context& c) {
    auto answer = broken(c, Answer::Ending::reset);
    answer.silent = !query_value(c.request.query, "n");
    return answer;
}

Answer hang(const Context& c) {
    auto answer = broken(c, Answer::Ending::hang);
    answer.silent = !query_value(c.request.query, "n");
    return answer;
}

Answer drop(const Context& c) {
    Answer answer;
    answer.silent = true;
    answer.ending = Answer::Ending::cut;
    answer.delay = milliseconds(c.number("ms", 0));
    return answer;
}

Answer stale(const Context& c) {
    auto answer = hello(c);
    const auto when = query_value(c.request.query, "when").value_or("now");
    answer.ending = when == "next"    ? Answer::Ending::stale_on_next
                    : when == "reset" ? Answer::Ending::reset_on_next
                                      : Answer::Ending::stale;
    return answer;
}

Answer raw(const Context& c) {
    Answer answer;
    answer.text = query_value(c.request.query, "response").value_or(c.body.kept);
    answer.verbatim = true;
    answer.piece = c.number("piece", 0);
    answer.ending = c.flag("keep")   ? Answer::Ending::keep
                    : c.flag("hang") ? Answer::Ending::hang
                                     : Answer::Ending::cut;
    return answer;
}

Answer page_answer(const Context& c) {
    Answer answer;
    answer.type = "text/html; charset=utf-8";
    answer.fields = "Cache-Control: no-store\r\n";
    answer.text = page(c.world);
    return answer;
}

/// RFC 6455 §4.2: whoever asks for something else is told what there is.
Answer websocket(const Context& c) {
    const auto field = [&](std::string_view wanted) {
        for (const auto& [name, value] : c.request.fields)
            if (test::equal_ignoring_case(name, wanted)) return value;
        return std::string_view();
    };
    Answer answer;
    const auto key = field("Sec-WebSocket-Key");
    if (!test::equal_ignoring_case(field("Upgrade"), "websocket") || key.empty() ||
        field("Sec-WebSocket-Version") != "13" || c.request.method != "GET") {
        answer.status = 426;
        answer.fields =
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
        answer.text = "a WebSocket is served here\n";
        return answer;
    }
    answer.status = 101;
    answer.fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " +
                    test::websocket_accept(key) + "\r\n";
    answer.ending = Answer::Ending::websocket;
    return answer;
}

Answer count(const Context& c) {
    Answer answer;
    answer.type = "application/json";
    answer.text = c.world.books_json();
    if (c.flag("reset")) c.world.reset_books();
    return answer;
}

Answer reset_books(const Context& c) {
    c.world.reset_books();
    Answer answer;
    answer.text = "books are empty\n";
    return answer;
}

Answer set_health(const Context& c) {
    const auto status =
        static_cast<unsigned>(std::clamp<std::uint64_t>(c.number("status", 200), 200, 999));
    Health::Answer health{status, c.body.kept, milliseconds(c.number("ms", 0))};
    if (health.body.empty()) health.body = status == 200 ? "ok\n" : "taken out\n";
    c.world.health.set(std::move(health));
    Answer answer;
    answer.text = "health is now " + std::to_string(status) + "\n";
    return answer;
}

/// For any other path: says who it is and what was asked, so that routing tests see it.
Answer anything(const Context& c) {
    auto answer = hello(c);
    answer.text.append(c.request.target).append("\n");
    return answer;
}

struct Route {
    std::string_view path;
    Answer (*answer)(const Context&);
    Plan plan{};
    bool counted = true;
};

constexpr Plan kKeep{Plan::Body::read, kMaxKept, false, 0};
constexpr Plan kIgnore{Plan::Body::ignore, 0, false, 0};

constexpr std::array kRoutes{
    Route{"/", hello},
    Route{"/bytes", bytes},
    Route{"/up", up},
    Route{"/sleep", sleep},
    Route{"/upload", upload},
    Route{"/echo", echo, kKeep},
    Route{"/status", status},
    Route{"/chunked", chunked},
    Route{"/early", early, kIgnore},
    Route{"/continue", expectation, {Plan::Body::read, 0, true, 0}},
    Route{"/hints", hints},
    Route{"/close", close},
    Route{"/truncate", truncate},
    Route{"/reset", reset},
    Route{"/hang", hang},
    Route{"/drop", drop},
    Route{"/stale", stale},
    Route{"/raw", raw, kKeep},
    Route{"/ws", websocket},
    Route{"/page", page_answer},
    Route{"/count", count, {}, false},
    Route{"/control/reset", reset_books, {}, false},
    Route{"/control/health", set_health, kKeep, false},
};
constexpr Route kAnything{"", anything};

const Route& route_for(const Request& request) noexcept {
    // What follows /echo is free, so that any path can be looked at.
    const auto path = request.path.starts_with("/echo/") ? request.path.substr(0, 5) : request.path;
    const auto found = std::find_if(kRoutes.begin(), kRoutes.end(),
                                    [path](const Route& route) { return route.path == path; });
    return found != kRoutes.end() ? *found : kAnything;
}

}  // namespace

Plan plan_for(const Request& request) {
    auto plan = route_for(request).plan;
    if (request.path == "/continue" && query_number(request.query, "refuse", 0) != 0) {
        plan.body = Plan::Body::ignore;
    }
    // Reset, drop and hang can be had in the middle of an upload too.
    if (query_number(request.query, "unread", 0) != 0) plan.body = Plan::Body::ignore;
    if (request.has_body()) plan.rate = query_number(request.query, "rate", 0);
    return plan;
}

Answer answer_for(const Request& request, const Received& body, const Arrival& arrival,
                  World& world) {
    return route_for(request).answer(Context{request, body, arrival, world});
}

bool is_counted(const Request& request) {
    return route_for(request).counted;
}

std::string_view reason_phrase(unsigned status) noexcept {
    switch (status) {
        case 101:
            return "Switching Protocols";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 206:
            return "Partial Content";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 304:
            return "Not Modified";
        case 307:
            return "Temporary Redirect";
        case 400:
            return "Bad Request";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 413:
            return "Content Too Large";
        case 417:
            return "Expectation Failed";
        case 426:
            return "Upgrade Required";
        case 429:
            return "Too Many Requests";
        case 500:
            return "Internal Server Error";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        default:
            return "Status";
    }
}

}  // namespace switchyard::origin
