// Whatever a remote command prints becomes lines that are harmless and of bounded length, the same
// ones however the octets arrive. The first octet chooses the pieces.
// depends: switchyard_deploy
#include "deploy/line_splitter.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using switchyard::deploy::LineSplitter;

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::abort();
}

std::vector<std::string> lines_of(std::string_view octets, std::size_t piece) {
    std::vector<std::string> lines;
    LineSplitter splitter([&lines](std::string line) { lines.push_back(std::move(line)); });
    while (!octets.empty()) {
        const std::size_t size = std::min(piece, octets.size());
        // Memory of exactly this size: a read past it is seen.
        const std::vector<char> exact(octets.begin(),
                                      octets.begin() + static_cast<std::ptrdiff_t>(size));
        splitter.feed({exact.data(), exact.size()});
        octets.remove_prefix(size);
    }
    splitter.finish();
    return lines;
}

/// Decodes in another way than the splitter does: by the value, then the length that it needs.
void require_safe(std::string_view line) {
    for (std::size_t i = 0; i < line.size();) {
        const auto first = static_cast<unsigned char>(line[i]);
        std::size_t size = 1;
        char32_t value = first;
        if (first >= 0x80) {
            size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
            require(first >= 0xc0 && i + size <= line.size(), "a character is complete");
            value = first & (0x7f >> size);
            for (std::size_t k = 1; k < size; ++k) {
                const auto next = static_cast<unsigned char>(line[i + k]);
                require((next & 0xc0) == 0x80, "a character goes on as it should");
                value = value << 6 | (next & 0x3f);
            }
            const char32_t least = size == 2 ? 0x80 : size == 3 ? 0x800 : 0x10000;
            require(value >= least && value <= 0x10ffff,
                    "no character is longer than it has to be");
            require(value < 0xd800 || value > 0xdfff, "there is no surrogate");
        }
        require(value >= 0x20 && (value < 0x7f || value > 0x9f), "there is no control character");
        require(value < 0x202a || value > 0x202e, "no direction is changed");
        i += size;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto whole = lines_of(octets, octets.size());
    require(whole == lines_of(octets, 1), "octet by octet makes no difference");
    require(whole == lines_of(octets, 1 + data[0]), "pieces make no difference");
    std::size_t total = 0;
    for (const std::string& line : whole) {
        require(line.size() <= LineSplitter::kMaxLine, "lines are bounded");
        require_safe(line);
        total += line.size();
    }
    require(total <= 3 * octets.size(), "nothing is made up");
    return 0;
}
