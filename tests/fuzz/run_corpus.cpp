// Runs a fuzz target over its corpus without libFuzzer: every file, and every beginning of it,
// since a peer may stop anywhere.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t kMaxBeginnings = 2048;

std::vector<std::uint8_t> read(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// Each input in memory of its own size, so that AddressSanitizer sees a read past its end.
void run(const std::vector<std::uint8_t>& bytes, std::size_t size) {
    const std::vector<std::uint8_t> exact(bytes.begin(),
                                          bytes.begin() + static_cast<std::ptrdiff_t>(size));
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

std::size_t run_file(const std::filesystem::path& path) {
    const auto bytes = read(path);
    const auto beginnings = std::min(bytes.size(), kMaxBeginnings);
    for (std::size_t size = 0; size < beginnings; ++size)
        run(bytes, size);
    run(bytes, bytes.size());
    return beginnings + 1;
}

}  // namespace

int main(int argc, char** argv) try {
    std::size_t files = 0, inputs = 0;
    for (int i = 1; i < argc; ++i) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
            if (!entry.is_regular_file()) continue;
            ++files;
            inputs += run_file(entry.path());
        }
    }
    std::printf("%zu files, %zu inputs\n", files, inputs);
    return files > 0 ? 0 : 1;
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
