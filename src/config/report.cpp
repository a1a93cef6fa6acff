#include "config/report.hpp"

#include <algorithm>
#include <tuple>

namespace switchyard::config {

namespace {

void append_escaped(std::string& out, char c) {
    constexpr char kDigits[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
        out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    } else {
        out += c;
    }
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
    std::string shown;
    shown.reserve(message.size());
    for (const char c : message)
        append_escaped(shown, c);
    problems_.push_back({file_, mark.line, mark.column, std::move(shown)});
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
    std::string out;
    for (const char c : text.substr(0, kMost))
        append_escaped(out, c);
    if (text.size() > kMost) {
        // Not in the middle of a UTF-8 sequence.
        while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xc0) == 0x80) {
            out.pop_back();
        }
        if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xc0) out.pop_back();
        out += "...";
    }
    return out;
}

std::string in_quotes(std::string_view text) {
    return "'" + printable(text) + "'";
}

}  // namespace switchyard::config
