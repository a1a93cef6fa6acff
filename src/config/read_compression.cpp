// Whose responses are compressed, and how.
#include "config/names.hpp"
#include "config/read.hpp"

#include <algorithm>

namespace switchyard::config {

namespace {

using Algorithm = Compression::Algorithm;

Parsed<Algorithm> parse_algorithm(std::string_view text) {
    const auto index = parse_choice(text, {"gzip", "br"});
    if (!index) return index.error();
    return static_cast<Algorithm>(*index);
}

}  // namespace

void read_compression(Section& section, Compression& compression) {
    std::vector<Algorithm> algorithms;
    const bool any =
        section.texts("algorithms", parse_algorithm, [&](Algorithm algorithm, Mark mark) {
            if (std::find(algorithms.begin(), algorithms.end(), algorithm) != algorithms.end()) {
                section.problem(mark, "algorithms", in_quotes(to_string(algorithm)) + " twice");
                return;
            }
            algorithms.push_back(algorithm);
        });
    if (any) {
        compression.algorithms = std::move(algorithms);
    } else if (section.has("algorithms")) {
        section.problem(section.mark("algorithms"), "algorithms",
                        "expected at least one of \"br\" and \"gzip\"; leave 'compression' out "
                        "to turn it off");
    }
    std::vector<std::string> types;
    const bool some = section.texts("types", parse_media_range, [&](std::string type, Mark) {
        types.push_back(std::move(type));
    });
    if (some) {
        compression.types = std::move(types);
    } else if (section.has("types")) {
        section.problem(section.mark("types"), "types",
                        "expected at least one, like \"text/*\"; leave 'compression' out to turn "
                        "it off");
    }
    section.size("min_length", compression.min_length, 0, 1ULL << 40);
    section.number("gzip_level", compression.gzip_level, 1, 9);
    section.number("brotli_level", compression.brotli_level, 0, 11);
}

}  // namespace switchyard::config
