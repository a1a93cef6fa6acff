// Whatever a variable or a command holds stays one word of the shell, and comes out as it went in.
// The input is a command and a value, with a zero byte between.
// depends: switchyard_deploy
#include "deploy/command_line.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::abort();
}

/// The words of a line by the rules of POSIX for single quotes and backslashes (XCU 2.2). Anything
/// else with a meaning must not stand outside of quotes.
std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words;
    bool in_word = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (c == ' ') {
            in_word = false;
            continue;
        }
        if (!in_word) words.emplace_back();
        in_word = true;
        if (c == '\'') {
            const std::size_t end = line.find('\'', i + 1);
            require(end != std::string_view::npos, "quotes are closed");
            words.back() += line.substr(i + 1, end - i - 1);
            i = end;
        } else if (c == '\\') {
            require(i + 1 < line.size(), "a backslash has something to quote");
            words.back() += line[++i];
        } else {
            require((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                        c == '_' || c == '=' || c == '-',
                    "nothing with a meaning is outside of quotes");
            words.back() += c;
        }
    }
    return words;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using switchyard::deploy::Command;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t zero = std::min(text.find('\0'), text.size());
    const std::string command(text.substr(0, zero));
    const std::string value(zero < text.size() ? text.substr(zero + 1) : std::string_view());
    const auto quoted = words_of(switchyard::deploy::shell_quote(command));
    require(quoted.size() == 1 && quoted[0] == command, "a quoted text is one word");
    const auto line =
        switchyard::deploy::remote_command_line(Command{command, {{"A", value}}, {}}, "marker");
    if (!line) return 0;
    const auto words = words_of(*line);
    require(words.size() == 9, "a line has the words that it should");
    require(words[0] == "exec" && words[1] == "env", "it begins as it should");
    require(words[2] == "A=" + value, "the variable is what it was");
    require(words[7] == command, "the command is what it was");
    require(words[8] == "marker", "the marker is last");
    // As the name of a variable it is refused, or stays one word.
    const auto named =
        switchyard::deploy::remote_command_line(Command{"x", {{command, "y"}}, {}}, "marker");
    if (named) {
        const auto named_words = words_of(*named);
        require(named_words.size() == 9 && named_words[2] == command + "=y", "a name is one word");
    }
    return 0;
}
