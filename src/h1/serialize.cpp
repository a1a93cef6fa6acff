#include "h1/serialize.hpp"

#include <charconv>
#include <cstring>

#include <boost/beast/http/status.hpp>

namespace switchyard::h1 {

namespace {

void append_number(std::string& out, std::uint64_t number) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    out.append(digits, static_cast<std::size_t>(end - digits));
}

void append_status(std::string& out, unsigned status) {
    const char digits[3] = {static_cast<char>('0' + status / 100 % 10),
                            static_cast<char>('0' + status / 10 % 10),
                            static_cast<char>('0' + status % 10)};
    out.append(digits, 3);
}

/// Everything but framing and connection.
void append_start(std::string& out, const http::OutgoingResponse& head) {
    out += "HTTP/1.1 ";
    append_status(out, head.status);
    out += ' ';
    out += head.reason;
    out += "\r\n";
    append_fields(out, head.fields);
    out += head.raw_lines;
}

void append_upgrade(std::string& out, std::string_view protocol) {
    out += "Connection: Upgrade\r\nUpgrade: ";
    out += protocol;
    out += "\r\n";
}

}  // namespace

std::string_view reason_phrase(unsigned status) noexcept {
    const auto text =
        boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
    return {text.data(), text.size()};
}

void append_fields(std::string& out, const http::Fields& fields) {
    std::size_t size = 0;
    for (const http::Field& field : fields)
        size += field.name.size() + field.value.size() + 4;
    const std::size_t start = out.size();
    out.resize(start + size);
    char* to = out.data() + start;
    for (const http::Field& field : fields) {
        std::memcpy(to, field.name.data(), field.name.size());
        to += field.name.size();
        *to++ = ':';
        *to++ = ' ';
        if (!field.value.empty()) std::memcpy(to, field.value.data(), field.value.size());
        to += field.value.size();
        *to++ = '\r';
        *to++ = '\n';
    }
}

void append_switching(std::string& out, const http::OutgoingResponse& head,
                      std::string_view protocol) {
    append_start(out, head);
    append_upgrade(out, protocol);
    out += "\r\n";
}

void append_response(std::string& out, const http::OutgoingResponse& head, bool chunked,
                     ConnectionLine connection) {
    append_start(out, head);
    if (chunked) {
        out += "Transfer-Encoding: chunked\r\n";
    } else if (head.framing == http::Framing::length || head.send_content_length) {
        out += "Content-Length: ";
        append_number(out, head.content_length);
        out += "\r\n";
    }
    if (connection == ConnectionLine::close) {
        out += "Connection: close\r\n";
    } else if (connection == ConnectionLine::keep_alive) {
        out += "Connection: keep-alive\r\n";
    }
    out += "\r\n";
}

void append_request(std::string& out, const http::OutgoingRequest& head) {
    out += head.method;
    out += ' ';
    out += head.target;
    out += " HTTP/1.1\r\n";
    append_fields(out, head.fields);
    if (head.framing == http::Framing::chunked) {
        out += "Transfer-Encoding: chunked\r\n";
    } else if (head.framing == http::Framing::length || head.send_content_length) {
        out += "Content-Length: ";
        append_number(out, head.content_length);
        out += "\r\n";
    }
    if (!head.upgrade.empty()) append_upgrade(out, head.upgrade);
    out += "\r\n";
}

}  // namespace switchyard::h1
