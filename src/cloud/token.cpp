#include "cloud/token.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace switchyard::cloud {
namespace {

/// (A text alone would be ambiguous: an Error is made from one as well.)
using Text = Result<std::string>;

constexpr std::size_t kLongestToken = 4096;
constexpr std::size_t kLongestText = 300;
constexpr const char* kCredential = "do-token";

Text read_small_file(const std::string& path) {
    const auto failed = [&path](int error) {
        return Error("cannot read the token from " + path + ": " + std::strerror(error));
    };
    // Non-blocking: a named pipe without a writer must not hold the thread.
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return failed(errno);
    std::string text;
    std::array<char, kLongestToken> piece{};
    ssize_t count = 0;
    while ((count = ::read(file, piece.data(), piece.size())) > 0 && text.size() <= kLongestToken)
        text.append(piece.data(), static_cast<std::size_t>(count));
    const int error = errno;
    ::close(file);
    if (count < 0) return failed(error);
    return Text(boost::system::in_place_value, std::move(text));
}

}  // namespace

Text read_token(const std::string& file) {
    std::string path = file;
    if (path.empty()) {
        const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
        if (folder == nullptr || *folder == '\0') {
            return Error(
                "there is no API token: set reserved_ip.token_file, or let systemd load the "
                "credential do-token (LoadCredential=do-token:FILE)");
        }
        path = std::string(folder) + "/" + kCredential;
    }
    auto text = read_small_file(path);
    if (!text) return text;
    const std::size_t begin = text->find_first_not_of(" \t\r\n");
    if (begin == std::string::npos) return Error("the token file " + path + " is empty");
    const std::size_t end = text->find_last_not_of(" \t\r\n");
    std::string token = text->substr(begin, end - begin + 1);
    const bool legal =
        std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (!legal || token.size() > kLongestToken) {
        return Error("the token file " + path +
                     " holds something else than one token (it has to be one word)");
    }
    return Text(boost::system::in_place_value, std::move(token));
}

std::string harmless(std::string_view text, std::string_view token) {
    std::string out(text.substr(0, 64 * 1024));
    if (!token.empty()) {
        for (std::size_t at = 0; (at = out.find(token, at)) != std::string::npos;)
            out.replace(at, token.size(), "[token]");
    }
    std::replace_if(
        out.begin(), out.end(), [](char c) { return c < 0x20 || c > 0x7e; }, ' ');
    if (out.size() > kLongestText) out = out.substr(0, kLongestText) + "...";
    return out;
}

}  // namespace switchyard::cloud
