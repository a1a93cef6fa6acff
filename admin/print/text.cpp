#include "admin/print/text.hpp"

#include "base/utf8.hpp"

#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

namespace switchyard::admin {

namespace {

std::string_view environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

bool continues(char c) {
    return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

}  // namespace

Screen standard_output() {
    Screen screen;
    screen.terminal = ::isatty(STDOUT_FILENO) == 1;
    screen.colour = screen.terminal && environment("NO_COLOR").empty() &&
                    environment("TERM") != "dumb" && !environment("TERM").empty();
    winsize size{};
    if (screen.terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
        if (size.ws_col >= 40) screen.columns = size.ws_col;
        if (size.ws_row >= 10) screen.rows = size.ws_row;
    }
    return screen;
}

std::string painted(const Screen& screen, Paint paint, std::string_view text) {
    if (!screen.colour || paint == Paint::none || text.empty()) return std::string(text);
    const char* code = "";
    switch (paint) {
        case Paint::none:
            break;
        case Paint::bold:
            code = "1";
            break;
        case Paint::dim:
            code = "2";
            break;
        case Paint::red:
            code = "1;31";
            break;
        case Paint::green:
            code = "32";
            break;
        case Paint::yellow:
            code = "33";
            break;
        case Paint::blue:
            code = "1;34";
            break;
    }
    return std::string("\x1b[").append(code).append("m").append(text).append("\x1b[0m");
}

Paint paint_of_slot(std::string_view slot) {
    if (slot == "blue") return Paint::blue;
    return slot == "green" ? Paint::green : Paint::none;
}

Paint paint_of_health(std::string_view state) {
    if (state == "healthy") return Paint::green;
    return state == "unhealthy" ? Paint::red : Paint::yellow;
}

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto byte = static_cast<unsigned char>(text.front());
        const std::size_t length = byte < 0x80 ? 1 : utf8_length(text);
        if (byte == '\t') {
            out += ' ';
        } else if (byte < 0x20 || byte == 0x7F || length == 0 || is_c1_control(text, length)) {
            out += '?';
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

std::size_t width_of(std::string_view text) {
    std::size_t width = 0;
    for (const char c : text) {
        if (!continues(c)) ++width;
    }
    return width;
}

std::string elided(std::string_view text, std::size_t columns) {
    if (width_of(text) <= columns) return std::string(text);
    const std::size_t keep = columns > 3 ? columns - 3 : 0;
    std::size_t end = 0;
    for (std::size_t seen = 0; end < text.size(); ++end) {
        if (continues(text[end])) continue;
        if (seen++ == keep) break;
    }
    return std::string(text.substr(0, end)) + std::string(columns < 3 ? columns : 3, '.');
}

std::vector<std::string> wrapped(std::string_view text, std::size_t columns, std::size_t lines) {
    std::vector<std::string> out;
    while (out.size() + 1 < lines && width_of(text) > columns) {
        // The last space that still leaves a line of this width.
        std::size_t cut = 0;
        for (std::size_t at = text.find(' '); at != std::string_view::npos;
             at = text.find(' ', at + 1)) {
            if (width_of(text.substr(0, at)) > columns) break;
            cut = at;
        }
        if (cut == 0) break;
        out.emplace_back(text.substr(0, cut));
        text.remove_prefix(cut + 1);
    }
    out.push_back(elided(text, columns));
    return out;
}

std::string counted(long long count, std::string_view singular) {
    return std::to_string(count) + " " + std::string(singular) + (count == 1 ? "" : "s");
}

}  // namespace switchyard::admin
