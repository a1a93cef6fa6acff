#include "deploy/line_splitter.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::deploy {
namespace {

using testing::ElementsAre;
using namespace std::string_literals;

std::vector<std::string> lines_of(std::string_view octets, std::size_t piece = std::string::npos) {
    std::vector<std::string> lines;
    LineSplitter splitter([&](std::string line) { lines.push_back(std::move(line)); });
    while (!octets.empty()) {
        splitter.feed(octets.substr(0, piece));
        octets.remove_prefix(std::min(piece, octets.size()));
    }
    splitter.finish();
    return lines;
}

TEST(LineSplitter, SplitsAtEveryKindOfEnd) {
    EXPECT_THAT(lines_of("a\nb\r\nc\rd"), ElementsAre("a", "b", "c", "d"));
    EXPECT_THAT(lines_of("a\n\n\r\n\rb\n"), ElementsAre("a", "", "", "", "b"));
    EXPECT_THAT(lines_of(""), ElementsAre());
    EXPECT_THAT(lines_of("\n"), ElementsAre(""));
    EXPECT_THAT(lines_of("10%\r20%\r\n"), ElementsAre("10%", "20%"));
}

TEST(LineSplitter, KeepsTextAndReplacesWhatIsNone) {
    const std::string bad = "\xef\xbf\xbd";
    EXPECT_THAT(lines_of("\u00fc \u20ac \U0001f600"), ElementsAre("\u00fc \u20ac \U0001f600"));
    EXPECT_THAT(lines_of("a\tb"), ElementsAre("a b"));
    EXPECT_THAT(lines_of("a\0b\x07"s), ElementsAre("a" + bad + "b" + bad));
    EXPECT_THAT(lines_of("\x7f\u0085"), ElementsAre(bad + bad));
    // Reverses the direction: "exe.txt" would look like "txt.exe".
    EXPECT_THAT(lines_of("\u202etxt"), ElementsAre(bad + "txt"));
    // Latin-1, a lone continuation, an overlong '/', a surrogate, past U+10FFFF, a beginning only.
    EXPECT_THAT(lines_of("f\xfcr"), ElementsAre("f" + bad + "r"));
    EXPECT_THAT(lines_of("\x80"), ElementsAre(bad));
    EXPECT_THAT(lines_of("\xc0\xaf"), ElementsAre(bad + bad));
    EXPECT_THAT(lines_of("\xed\xa0\x80"), ElementsAre(bad + bad + bad));
    EXPECT_THAT(lines_of("\xf4\x90\x80\x80"), ElementsAre(bad + bad + bad + bad));
    EXPECT_THAT(lines_of("\xe2\x82"), ElementsAre(bad));
    EXPECT_THAT(lines_of("\xe2\x82\n"), ElementsAre(bad));
    EXPECT_THAT(lines_of("\xe2\x82x"), ElementsAre(bad + "x"));
}

TEST(LineSplitter, LeavesEscapeSequencesOut) {
    EXPECT_THAT(lines_of("\x1b[1;31mred\x1b[0m!"), ElementsAre("red!"));
    EXPECT_THAT(lines_of("\x1b]0;title\x07x"), ElementsAre("x"));
    EXPECT_THAT(lines_of("\x1b]0;title\x1b\\x"), ElementsAre("x"));
    EXPECT_THAT(lines_of("\x1b(Bx\x1b"
                         "cy"),
                ElementsAre("xy"));
    // One that never ends hides a line at most.
    EXPECT_THAT(lines_of("a\x1b]0;hidden\nb"), ElementsAre("a", "b"));
    EXPECT_THAT(lines_of("a\x1b[31\nb"), ElementsAre("a", "b"));
    const std::string long_text(2000, 'x');
    EXPECT_THAT(lines_of("\x1b]" + long_text), ElementsAre(std::string(2000 - 1023, 'x')));
}

TEST(LineSplitter, CutsLongLines) {
    const std::string full(LineSplitter::kMaxLine, 'x');
    EXPECT_THAT(lines_of(full), ElementsAre(full));
    EXPECT_THAT(lines_of(full + "\ny"), ElementsAre(full, "y"));
    EXPECT_THAT(lines_of(full + "yy\nz"), ElementsAre(full, "yy", "z"));
    // Never within a character, and what is replaced counts with its new length.
    const auto lines = lines_of(full.substr(1) + "\u00fc");
    EXPECT_THAT(lines, ElementsAre(full.substr(1), "\u00fc"));
    for (const std::string& line : lines_of(std::string(10'000, '\x01'))) {
        EXPECT_LE(line.size(), LineSplitter::kMaxLine);
        EXPECT_EQ(line.size() % 3, 0u);
    }
}

TEST(Harmless, IsOneShortLine) {
    EXPECT_EQ(harmless("a\nb\r\n\x1b[31mc\n", 100), "a b c");
    EXPECT_EQ(harmless("", 100), "");
    EXPECT_EQ(harmless("abcdef", 4), "abcd");
    EXPECT_EQ(harmless("ab\u20ac", 4), "ab");
    const std::string line = harmless(std::string(1000, '\x01'), 100);
    EXPECT_LE(line.size(), 100u);
    EXPECT_EQ(line.size() % 3, 0u);
}

TEST(LineSplitter, PiecesMakeNoDifference) {
    const std::string octets =
        "a\r\n\xe2\x82\xac\x1b[31mred\x1b[0m\r\xf0\x9f\x98\x80\xff\n\xe2\x82";
    for (std::size_t piece = 1; piece < octets.size(); ++piece)
        EXPECT_EQ(lines_of(octets, piece), lines_of(octets)) << piece;
}

}  // namespace
}  // namespace switchyard::deploy
