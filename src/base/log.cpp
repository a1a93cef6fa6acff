#include "base/log.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

// See cmake/pch/std.hpp.
FMT_BEGIN_NAMESPACE
namespace detail {
template void vformat_to<char>(buffer<char>&, basic_string_view<char>,
                               basic_format_args<buffer_context<char>>, locale_ref);
}
FMT_END_NAMESPACE

namespace switchyard {
namespace {

std::optional<spdlog::level::level_enum> parse_level(std::string_view text) {
    if (text == "trace") return spdlog::level::trace;
    if (text == "debug") return spdlog::level::debug;
    if (text == "info") return spdlog::level::info;
    if (text == "warn") return spdlog::level::warn;
    if (text == "error") return spdlog::level::err;
    return std::nullopt;
}

Error unknown_level(std::string_view text) {
    return Error("unknown log level " + log_value(text) +
                 ": expected trace, debug, info, warn or error");
}

bool is_plain(char c) {
    return c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

}  // namespace

Result<void> set_up_log(std::string_view level) {
    const auto parsed = parse_level(level);
    if (!parsed) return unknown_level(level);
    auto logger = std::make_shared<spdlog::logger>(
        "switchyard", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
        "time=%Y-%m-%dT%H:%M:%S.%eZ level=%l event=%v", spdlog::pattern_time_type::utc));
    logger->set_level(*parsed);
    spdlog::set_default_logger(std::move(logger));
    return {};
}

Result<void> set_log_level(std::string_view level) {
    const auto parsed = parse_level(level);
    if (!parsed) return unknown_level(level);
    spdlog::default_logger_raw()->set_level(*parsed);
    return {};
}

std::string log_value(std::string_view text) {
    if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain)) return std::string(text);
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte >= 0x7f) {
            out += "\\x";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        } else {
            out += c;
        }
    }
    out += '"';
    return out;
}

}  // namespace switchyard
