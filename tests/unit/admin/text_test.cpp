#include "admin/print/text.hpp"

#include "admin/print/table.hpp"

#include <gtest/gtest.h>

namespace switchyard::admin {
namespace {

TEST(Printable, LetsNothingSteerTheTerminal) {
    EXPECT_EQ(printable("a\x1b[2Jb\r\n\tc\x7f"), "a?[2Jb?? c?");
    EXPECT_EQ(printable("\xC2\x9B"
                        "31m"),
              "?31m");
    EXPECT_EQ(printable("a\x9B\xC2"), "a??");  // Not UTF-8; the first byte is CSI in Latin-1.
    EXPECT_EQ(printable("Größe"), "Größe");
}

TEST(Elided, CutsAtCharactersNotBytes) {
    EXPECT_EQ(elided("short", 5), "short");
    EXPECT_EQ(elided("much longer", 7), "much...");
    EXPECT_EQ(elided("äöüäöü", 5), "äö...");
    EXPECT_EQ(elided("abc", 2), "..");
    EXPECT_EQ(elided("abc", 0), "");
}

TEST(Painted, OnlyWithColour) {
    Screen screen;
    EXPECT_EQ(painted(screen, Paint::red, "x"), "x");
    screen.colour = true;
    EXPECT_EQ(painted(screen, Paint::red, "x"), "\x1b[1;31mx\x1b[0m");
    EXPECT_EQ(painted(screen, Paint::none, "x"), "x");
}

TEST(Table, AlignsAndDropsTrailingSpaces) {
    Table table("lrl", "  ");
    table.add({{"NAME"}, {"COUNT"}, {""}});
    table.add({{"ä"}, {"7"}, {"x"}});
    table.note("between");
    table.add({{"longer"}, {"12345678"}, {""}});
    EXPECT_EQ(table.text(Screen()),
              "  NAME       COUNT\n"
              "  ä              7  x\n"
              "between\n"
              "  longer  12345678\n");
}

TEST(Table, LimitsAColumn) {
    Table table("ll");
    table.add({{"a-very-long-cell"}, {"b"}});
    table.limit(0, 8);
    EXPECT_EQ(table.text(Screen()), "a-ver...  b\n");
}

TEST(Wrapped, BreaksAtSpacesAndKeepsTheEnd) {
    using Lines = std::vector<std::string>;
    EXPECT_EQ(wrapped("", 10, 3), Lines{""});
    EXPECT_EQ(wrapped("one two", 10, 3), Lines{"one two"});
    EXPECT_EQ(wrapped("one two three four", 9, 3), (Lines{"one two", "three", "four"}));
    EXPECT_EQ(wrapped("one two three four", 10, 2), (Lines{"one two", "three four"}));
    EXPECT_EQ(wrapped("one two three four five", 10, 2), (Lines{"one two", "three f..."}));
    EXPECT_EQ(wrapped("abcdefghijkl mn", 10, 3), Lines{"abcdefg..."});
}

}  // namespace
}  // namespace switchyard::admin
