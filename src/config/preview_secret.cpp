#include "config/preview_secret.hpp"

#include "config/report.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace switchyard::config {
namespace {

constexpr std::size_t kMaxFileBytes = 16 * 1024;

class File {
  public:
    // Without O_NONBLOCK, opening a FIFO waits for a writer.
    explicit File(const std::string& path)
        : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int fd() const noexcept { return fd_; }

  private:
    int fd_;
};

Parsed<std::string> read_text(const std::string& path) {
    const auto failed = [&path] {
        return refusal("cannot read " + in_quotes(path) + ": " +
                       std::generic_category().message(errno));
    };
    const File file(path);
    if (file.fd() < 0) return failed();
    struct stat facts {};
    if (::fstat(file.fd(), &facts) != 0) return failed();
    if (!S_ISREG(facts.st_mode)) return refusal(in_quotes(path) + " is not a regular file");
    if ((facts.st_mode & (S_IROTH | S_IWOTH)) != 0) {
        return refusal(in_quotes(path) + " can be read or changed by every user: chmod o-rwx it");
    }
    std::string text(kMaxFileBytes + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t count = ::read(file.fd(), text.data() + size, text.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return failed();
        if (count == 0) break;
        size += static_cast<std::size_t>(count);
    }
    if (size > kMaxFileBytes) return refusal(in_quotes(path) + " is too large for secrets");
    text.resize(size);
    return text;
}

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

/// What is wrong with one secret; empty: nothing.
std::string problem_of(std::string_view secret) {
    if (secret.size() < kMinSecretBytes) {
        return "has fewer than " + std::to_string(kMinSecretBytes) +
               " characters; make one with: openssl rand -base64 32";
    }
    if (secret.size() > kMaxSecretBytes) {
        return "has more than " + std::to_string(kMaxSecretBytes) + " characters";
    }
    const bool legal =
        std::all_of(secret.begin(), secret.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    return legal ? "" : "is not one word of printable ASCII";
}

}  // namespace

Parsed<std::vector<std::string>> read_preview_secrets(const std::string& path) {
    auto text = read_text(path);
    if (!text) return text.error();
    std::vector<std::string> secrets;
    std::string_view rest = *text;
    for (int line = 1; !rest.empty(); ++line) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view secret = trimmed(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (secret.empty() || secret.front() == '#') continue;
        if (const std::string problem = problem_of(secret); !problem.empty()) {
            return refusal("the secret in line " + std::to_string(line) + " of " + in_quotes(path) +
                           " " + problem);
        }
        if (std::find(secrets.begin(), secrets.end(), secret) == secrets.end()) {
            secrets.emplace_back(secret);
        }
    }
    if (secrets.empty()) return refusal(in_quotes(path) + " holds no secret");
    if (secrets.size() > kMaxSecrets) {
        return refusal(in_quotes(path) + " holds more than " + std::to_string(kMaxSecrets) +
                       " secrets: remove the oldest ones");
    }
    return secrets;
}

Parsed<std::string> credential_path(const std::string& name) {
    const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
    if (folder == nullptr || *folder == '\0') {
        return refusal("there is no credential " + in_quotes(name) +
                       ": let systemd load it (LoadCredential=" + name + ":FILE)");
    }
    return std::string(folder) + "/" + name;
}

}  // namespace switchyard::config
