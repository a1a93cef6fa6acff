#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// Text for a person: what the screen is like, colours, widths.
namespace switchyard::admin {

struct Screen {
    bool terminal = false;
    bool colour = false;
    std::size_t columns = 80;
    std::size_t rows = 24;
};

/// What standard output is: colour only on a terminal, not with NO_COLOR, not on a dumb one.
Screen standard_output();

enum class Paint { none, bold, dim, red, green, yellow, blue };

/// The text in a colour, if the screen has any.
std::string painted(const Screen& screen, Paint paint, std::string_view text);

/// The paint of a slot ("blue", "green") or of a target's state.
Paint paint_of_slot(std::string_view slot);
Paint paint_of_health(std::string_view state);

/// Control characters (an application's answer may hold any) and bytes that are not valid UTF-8
/// become '?': nothing that comes from outside may steer the terminal.
std::string printable(std::string_view text);

/// Columns that UTF-8 text takes (every code point counts one).
std::size_t width_of(std::string_view text);

/// At most `columns` wide; what was cut shows as "...".
std::string elided(std::string_view text, std::size_t columns);

/// The words in lines of at most `columns`, at most `lines` of them; what does not fit shows as
/// "..." in the last one. Never empty.
std::vector<std::string> wrapped(std::string_view text, std::size_t columns, std::size_t lines);

/// "1 request", "2 requests".
std::string counted(long long count, std::string_view singular);

}  // namespace switchyard::admin
