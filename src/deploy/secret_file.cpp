#include "deploy/secret_file.hpp"

#include "deploy/cancellation.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace switchyard::deploy {
namespace {

Error failure(const std::string& path) {
    return Error("cannot read '" + path + "': " + std::generic_category().message(errno));
}

/// `forbidden`: permissions that it may not have.
Result<std::string> read_file(const std::string& path, std::size_t most, mode_t forbidden) {
    // Without O_NONBLOCK, opening a FIFO waits for a writer.
    const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd) return failure(path);
    struct stat facts {};
    if (::fstat(fd.get(), &facts) != 0) return failure(path);
    if (!S_ISREG(facts.st_mode)) return Error("'" + path + "' is not a regular file");
    if ((facts.st_mode & forbidden) != 0) {
        return Error("'" + path + "' can be read or changed by every user: chmod o-rwx it");
    }
    // At once, so that no copy of it stays behind when the string grows.
    std::string text(most + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const auto n = ::read(fd.get(), text.data() + size, text.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failure(path);
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    if (size > most) {
        return Error("'" + path + "' has more than " + std::to_string(most / 1024) + " KiB");
    }
    text.resize(size);
    return Result<std::string>(boost::system::in_place_value, std::move(text));
}

}  // namespace

Secret::~Secret() {
    ::explicit_bzero(text_.data(), text_.capacity());
}

void Secret::keep_first_line() {
    const std::size_t end = text_.find_first_of("\r\n");
    if (end == std::string::npos) return;
    ::explicit_bzero(text_.data() + end, text_.size() - end);
    text_.resize(end);
}

Result<Secret> read_secret(const std::string& path) {
    auto text = read_file(path, kMaxSecretBytes, S_IROTH | S_IWOTH);
    if (!text) return text.error();
    if (text->find('\0') != std::string::npos) return Error("'" + path + "' has zero bytes");
    return Secret(*std::move(text));
}

Result<std::string> read_regular_file(const std::string& path, std::size_t most) {
    return read_file(path, most, 0);
}

}  // namespace switchyard::deploy
