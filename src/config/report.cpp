#include "config/report.hpp"

#include "base/utf8.hpp"

#include <algorithm>
#include <tuple>

namespace switchyard::config {

namespace {

/// Terminals, and whoever reads JSON, get valid UTF-8 without control characters.
std::string escaped(std::string_view text) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto byte = static_cast<unsigned char>(text.front());
        const std::size_t length = byte < 0x80 ? 1 : utf8_length(text);
        if (byte < 0x20 || byte == 0x7f || length == 0) {
            out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
        } else if (is_c1_control(text, length)) {
            const auto code = static_cast<unsigned char>(text[1]);
            out += {'\\', 'u', '0', '0', kDigits[code >> 4], kDigits[code & 15]};
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

}  // namespace

std::string Problem::text() const {
    std::string place = file;
    if (line > 0) place += ':' + std::to_string(line) + ':' + std::to_string(column);
    return place + ": " + message;
}

void Report::add(Mark mark, std::string_view message) {
    if (problems_.size() >= kMost) {
        ++left_out_;
        return;
    }
    problems_.push_back({file_, mark.line, mark.column, escaped(message)});
}

std::vector<Problem> Report::take() {
    std::vector<Problem> problems = std::move(problems_);
    problems_.clear();
    const auto place = [](const Problem& problem) {
        return std::tie(problem.line, problem.column, problem.message);
    };
    std::stable_sort(problems.begin(), problems.end(),
                     [&](const Problem& a, const Problem& b) { return place(a) < place(b); });
    const auto same = [&](const Problem& a, const Problem& b) { return place(a) == place(b); };
    problems.erase(std::unique(problems.begin(), problems.end(), same), problems.end());
    if (left_out_ > 0) {
        problems.push_back({file_, 0, 0, "and " + std::to_string(left_out_) + " more problems"});
        left_out_ = 0;
    }
    return problems;
}

std::string printable(std::string_view text) {
    constexpr std::size_t kMost = 100;
    if (text.size() <= kMost) return escaped(text);
    // Not in the middle of a UTF-8 sequence.
    std::size_t end = kMost;
    while (end > kMost - 3 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        --end;
    return escaped(text.substr(0, end)) + "...";
}

std::string in_quotes(std::string_view text) {
    return "'" + printable(text) + "'";
}

}  // namespace switchyard::config
