#include "support/response.hpp"

#include "support/chunked.hpp"

#include <algorithm>
#include <charconv>

namespace switchyard::test {
namespace {

constexpr std::size_t kMaxHeadBytes = 256 * 1024;

[[noreturn]] void fail(const std::string& what) {
    throw ProtocolError(what);
}

void parse_status_line(std::string_view line, Response& response) {
    // "HTTP/1.1 200 OK": the blank after the status is there even if the reason is empty.
    if (line.size() < 13 || !line.starts_with("HTTP/1.") || line[8] != ' ' || line[12] != ' ') {
        fail("no status line: " + std::string(line));
    }
    if (line[7] != '0' && line[7] != '1') fail("no version of HTTP/1: " + std::string(line));
    response.minor_version = line[7] - '0';
    const auto digits = line.substr(9, 3);
    std::from_chars(digits.data(), digits.data() + digits.size(), response.status);
    if (response.status < 100 || response.status > 999) fail("no status: " + std::string(line));
    response.reason = line.substr(13);
}

std::uint64_t parse_length(const std::string& text) {
    std::uint64_t length = 0;
    const auto end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, length);
    if (text.empty() || error != std::errc{} || stop != end) fail("Content-Length: " + text);
    return length;
}

bool has_no_body(const Response& response, std::string_view method) {
    return method == "HEAD" || response.status < 200 || response.status == 204 ||
           response.status == 304;
}

void need_more(Client& client, const char* where, Deadline deadline) {
    if (!client.read_more(deadline)) {
        throw ClientError(ClientError::Kind::closed, std::string("connection ended in ") + where);
    }
}

void read_chunked(Client& client, Response& response,
                  const std::function<void(std::string_view)>& sink, Deadline deadline) {
    ChunkedDecoder decoder;
    for (;;) {
        auto input = client.buffered();
        const auto offered = input.size();
        const auto state = decoder.feed(input, sink);
        client.consume(offered - input.size());
        if (state == ChunkedDecoder::State::bad) fail("the chunked framing is wrong");
        if (state == ChunkedDecoder::State::done) break;
        need_more(client, "a chunked body", deadline);
    }
    response.trailers = decoder.trailers();
}

void read_counted(Client& client, std::uint64_t left,
                  const std::function<void(std::string_view)>& sink, Deadline deadline) {
    while (left > 0) {
        if (client.buffered().empty()) need_more(client, "a counted body", deadline);
        const auto piece = client.buffered().substr(0, left);
        sink(piece);
        left -= piece.size();
        client.consume(piece.size());
    }
}

}  // namespace

std::optional<std::string> Response::field(std::string_view name) const {
    const auto values = all(name);
    if (values.size() > 1) fail(std::string(name) + " is there more than once");
    return values.empty() ? std::nullopt : std::optional(values.front());
}

std::vector<std::string> Response::all(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& [key, value] : fields) {
        if (equal_ignoring_case(key, name)) values.push_back(value);
    }
    return values;
}

bool Response::keep_alive() const {
    bool keep = minor_version == 1 && !close_delimited;
    for (const auto& value : all("Connection")) {
        if (equal_ignoring_case(value, "close")) return false;
        if (equal_ignoring_case(value, "keep-alive")) keep = !close_delimited;
    }
    return keep;
}

Response read_head(Client& client, Deadline deadline) {
    std::size_t end = 0;
    while ((end = client.buffered().find("\r\n\r\n")) == std::string_view::npos) {
        if (client.buffered().size() > kMaxHeadBytes) fail("the head has no end");
        need_more(client, "a response head", deadline);
    }
    const std::string head(client.buffered().substr(0, end + 2));
    client.consume(end + 4);

    Response response;
    std::string_view rest = head;
    for (bool first = true; !rest.empty(); first = false) {
        const auto line_end = rest.find("\r\n");
        const auto line = rest.substr(0, line_end);
        rest.remove_prefix(line_end + 2);
        if (line.find_first_of(std::string_view("\r\n\0", 3)) != line.npos) {
            fail("a bare CR, LF or NUL in the head");
        }
        if (first) {
            parse_status_line(line, response);
            continue;
        }
        std::string_view name, value;
        if (!split_field(line, name, value)) fail("no field line: " + std::string(line));
        response.fields.emplace_back(name, value);
    }
    return response;
}

void read_body(Client& client, Response& response, std::string_view method,
               const std::function<void(std::string_view)>& sink, Deadline deadline) {
    const auto coding = response.field("Transfer-Encoding");
    const auto length = response.field("Content-Length");
    if (coding && length) fail("both Transfer-Encoding and Content-Length");
    if (coding && (response.status < 200 || response.status == 204)) {
        fail("Transfer-Encoding in an answer that has no body");
    }
    if (length) parse_length(*length);
    if (has_no_body(response, method)) return;
    if (coding) {
        if (!equal_ignoring_case(*coding, "chunked")) fail("Transfer-Encoding: " + *coding);
        response.chunked = true;
        read_chunked(client, response, sink, deadline);
    } else if (length) {
        read_counted(client, parse_length(*length), sink, deadline);
    } else {
        response.close_delimited = true;
        do {
            sink(client.buffered());
            client.consume(client.buffered().size());
        } while (client.read_more(deadline));
    }
}

Response read_response(Client& client, std::string_view method, Deadline deadline) {
    std::vector<Response> interim;
    auto response = read_head(client, deadline);
    while (response.status < 200 && response.status != 101) {
        interim.push_back(std::move(response));
        response = read_head(client, deadline);
    }
    response.interim = std::move(interim);
    std::string body;
    read_body(
        client, response, method, [&body](std::string_view piece) { body += piece; }, deadline);
    response.body = std::move(body);
    return response;
}

std::string request_text(std::string_view method, std::string_view target, const Fields& fields,
                         std::string_view host) {
    std::string text;
    text.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: ").append(host);
    text += "\r\n";
    for (const auto& [name, value] : fields) {
        text.append(name).append(": ").append(value).append("\r\n");
    }
    return text + "\r\n";
}

Response exchange(Client& client, std::string_view method, std::string_view target,
                  const Fields& fields, std::string_view body, Deadline deadline) {
    auto all = fields;
    std::string host = "localhost";
    std::erase_if(all, [&host](const auto& field) {
        const bool is_host = equal_ignoring_case(field.first, "host");
        if (is_host) host = field.second;
        return is_host;
    });
    if (!body.empty()) all.emplace_back("Content-Length", std::to_string(body.size()));
    client.send(request_text(method, target, all, host) + std::string(body), deadline);
    return read_response(client, method, deadline);
}

Response get(const std::string& address, std::string_view target, const Fields& fields,
             Deadline deadline) {
    Client client(address, deadline);
    return exchange(client, "GET", target, fields, {}, deadline);
}

std::string chunk(std::string_view data) {
    char size[24];
    const auto end = std::to_chars(size, size + sizeof size, data.size(), 16).ptr;
    return std::string(size, end) + "\r\n" + std::string(data) + "\r\n";
}

}  // namespace switchyard::test
