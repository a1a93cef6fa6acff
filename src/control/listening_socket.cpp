#include "control/listening_socket.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/ip/address.hpp>
#include <spdlog/fmt/fmt.h>

namespace switchyard::control {

namespace {

constexpr int kBacklog = 128;

std::string reason(int error) {
    return std::strerror(error);
}

/// Closes a descriptor unless it is taken.
struct Descriptor {
    int value = -1;
    explicit Descriptor(int a_value) : value(a_value) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (value >= 0) ::close(value);
    }
    int take() { return std::exchange(value, -1); }
};

/// Makes room for a socket at the path: removes one that nobody listens on.
Result<void> clear_path(const std::string& path, const sockaddr_un& address) {
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0) {
        if (errno == ENOENT) return {};
        return Error(fmt::format("admin.socket {}: {}", path, reason(errno)));
    }
    if (!S_ISSOCK(found.st_mode)) {
        return Error(
            fmt::format("admin.socket {}: there is a file that is not a socket; remove it or "
                        "choose another path",
                        path));
    }
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (probe.value < 0) return Error(fmt::format("admin.socket {}: {}", path, reason(errno)));
    if (::connect(probe.value, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
        errno == EAGAIN) {
        return Error(fmt::format(
            "admin.socket {}: another daemon holds it; stop that one or choose another path",
            path));
    }
    if (errno != ECONNREFUSED) {
        return Error(fmt::format("admin.socket {}: {}", path, reason(errno)));
    }
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return Error(fmt::format("admin.socket {}: cannot remove the stale socket: {}", path,
                                 reason(errno)));
    }
    return {};
}

std::string address_text(const sockaddr_storage& storage) {
    char host[INET6_ADDRSTRLEN] = "";
    if (storage.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
        ::inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
        return fmt::format("[{}]:{}", host, ntohs(v6.sin6_port));
    }
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    ::inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    return fmt::format("{}:{}", host, ntohs(v4.sin_port));
}

/// "127.0.0.1:80" or "[::1]:80" as a socket address; its length, or 0 if it is none.
socklen_t parse_address(const std::string& text, sockaddr_storage& storage) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) return 0;
    std::string host = text.substr(0, colon);
    const std::string port_text = text.substr(colon + 1);
    if (port_text.empty() || port_text.size() > 5 ||
        port_text.find_first_not_of("0123456789") != std::string::npos) {
        return 0;
    }
    const unsigned long port = std::stoul(port_text);
    if (port > 65535) return 0;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    }
    boost::system::error_code failed;
    const auto ip = boost::asio::ip::make_address(host, failed);
    if (failed) return 0;
    if (ip.is_v6()) {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
        const auto bytes = ip.to_v6().to_bytes();
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(static_cast<std::uint16_t>(port));
        v6.sin6_scope_id = static_cast<std::uint32_t>(ip.to_v6().scope_id());
        std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
        return sizeof v6;
    }
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    const auto bytes = ip.to_v4().to_bytes();
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(port));
    std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
    return sizeof v4;
}

}  // namespace

Result<ListeningSocket> ListeningSocket::unix_socket(const std::string& path, std::uint32_t mode) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        return Error(
            fmt::format("admin.socket {}: the path has {} bytes; a unix socket's must have 1 to {}",
                        path, path.size(), sizeof address.sun_path - 1));
    }
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const Result<void> cleared = clear_path(path, address);
    if (!cleared) return cleared.error();

    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.value < 0) return Error(fmt::format("admin.socket {}: {}", path, reason(errno)));
    if (::bind(socket.value, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        const int error = errno;
        const char* advice = error == ENOENT ? " (its folder must exist)" : "";
        return Error(fmt::format("admin.socket {}: {}{}", path, reason(error), advice));
    }
    // Nobody can connect before listen(): until then the permissions do not matter.
    struct stat made {};
    const bool known = ::lstat(path.c_str(), &made) == 0;
    ListeningSocket result(socket.take(), AF_UNIX, path);
    result.owns_path_ = known;
    result.device_ = made.st_dev;
    result.inode_ = made.st_ino;
    if (!known || ::chmod(path.c_str(), static_cast<mode_t>(mode)) != 0 ||
        ::listen(result.descriptor_, kBacklog) != 0) {
        return Error(fmt::format("admin.socket {}: {}", path, reason(errno)));
    }
    return result;
}

Result<ListeningSocket> ListeningSocket::tcp(const std::string& address,
                                             const std::string& setting) {
    sockaddr_storage storage{};
    const socklen_t size = parse_address(address, storage);
    if (size == 0) {
        return Error(fmt::format("{} {}: not an address with a port", setting, address));
    }
    Descriptor socket(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.value < 0) return Error(fmt::format("{} {}: {}", setting, address, reason(errno)));
    const int on = 1;
    ::setsockopt(socket.value, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // As the listeners: "[::]" leaves IPv4 to others.
    if (storage.ss_family == AF_INET6) {
        ::setsockopt(socket.value, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    if (::bind(socket.value, reinterpret_cast<const sockaddr*>(&storage), size) != 0 ||
        ::listen(socket.value, kBacklog) != 0) {
        const int error = errno;
        const char* advice = "";
        if (error == EADDRINUSE) advice = " (another program listens there)";
        if (error == EADDRNOTAVAIL) advice = " (no interface of this machine has it)";
        return Error(fmt::format("{} {}: {}{}", setting, address, reason(error), advice));
    }
    socklen_t real = sizeof storage;
    ::getsockname(socket.value, reinterpret_cast<sockaddr*>(&storage), &real);
    return ListeningSocket(socket.take(), storage.ss_family, address_text(storage));
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      family_(other.family_),
      address_(std::move(other.address_)),
      owns_path_(std::exchange(other.owns_path_, false)),
      device_(other.device_),
      inode_(other.inode_) {}

ListeningSocket::~ListeningSocket() {
    unlink();
    if (descriptor_ >= 0) ::close(descriptor_);
}

int ListeningSocket::release() noexcept {
    return std::exchange(descriptor_, -1);
}

void ListeningSocket::unlink() noexcept {
    if (!std::exchange(owns_path_, false)) return;
    struct stat found {};
    if (::lstat(address_.c_str(), &found) == 0 && found.st_dev == device_ &&
        found.st_ino == inode_) {
        ::unlink(address_.c_str());
    }
}

}  // namespace switchyard::control
