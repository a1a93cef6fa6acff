#include "upstream/resolver.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <netinet/in.h>
#include <sys/un.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace switchyard::upstream {
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

route::SocketAddress from_endpoint(const tcp::endpoint& endpoint) {
    static_assert(sizeof(route::SocketAddress::bytes) >= sizeof(sockaddr_in6));
    route::SocketAddress address;
    std::memcpy(address.bytes, endpoint.data(), endpoint.size());
    address.size = static_cast<std::uint32_t>(endpoint.size());
    return address;
}

bool fill_unix(route::SocketAddress& address, const std::string& path) {
    sockaddr_un unix_address{};
    if (path.empty() || path.size() >= sizeof(unix_address.sun_path)) return false;
    unix_address.sun_family = AF_UNIX;
    std::memcpy(unix_address.sun_path, path.data(), path.size());
    const std::size_t size = offsetof(sockaddr_un, sun_path) + path.size() + 1;
    static_assert(sizeof(route::SocketAddress::bytes) >= sizeof(sockaddr_un));
    std::memcpy(address.bytes, &unix_address, size);
    address.size = static_cast<std::uint32_t>(size);
    return true;
}

/// What the lookup and its waiter share: the lookup may come back long after the waiter left.
struct Lookup {
    explicit Lookup(asio::io_context& context) : resolver(context), done(context) {}

    tcp::resolver resolver;
    asio::steady_timer done;  ///< Its end is the time-out; cancelled when the answer is there.
    bool answered = false;
    boost::system::error_code error;
    tcp::resolver::results_type results;
};

}  // namespace

bool fill_static_address(route::Target& target) {
    const config::Target& config = target.config();
    route::SocketAddress address;
    switch (config.kind) {
        case config::Target::Kind::name:
            return true;
        case config::Target::Kind::ip: {
            boost::system::error_code error;
            const auto ip = asio::ip::make_address(config.host, error);
            if (error) return false;
            address = from_endpoint(tcp::endpoint(ip, config.port));
            break;
        }
        case config::Target::Kind::unix_socket:
            if (!fill_unix(address, config.host)) return false;
            break;
    }
    target.set_addresses({address});
    return true;
}

std::string to_string(const route::SocketAddress& address) {
    sa_family_t family = AF_UNSPEC;
    if (address.size >= sizeof(family)) std::memcpy(&family, address.bytes, sizeof(family));
    if (family == AF_UNIX) {
        return reinterpret_cast<const char*>(address.bytes + offsetof(sockaddr_un, sun_path));
    }
    tcp::endpoint endpoint(family == AF_INET6 ? tcp::v6() : tcp::v4(), 0);
    if ((family != AF_INET && family != AF_INET6) || address.size > endpoint.capacity()) return "?";
    std::memcpy(endpoint.data(), address.bytes, address.size);
    const std::string ip = endpoint.address().to_string();
    const std::string port = std::to_string(endpoint.port());
    return family == AF_INET6 ? "[" + ip + "]:" + port : ip + ":" + port;
}

asio::awaitable<Resolved> resolve(asio::io_context& context, std::string host, std::uint16_t port,
                                  std::chrono::milliseconds timeout,
                                  std::shared_ptr<std::size_t> under_way) {
    const auto lookup = std::make_shared<Lookup>(context);
    lookup->done.expires_after(timeout);
    ++*under_way;
    lookup->resolver.async_resolve(host, std::to_string(port), tcp::resolver::numeric_service,
                                   [lookup, under_way](const boost::system::error_code& error,
                                                       tcp::resolver::results_type results) {
                                       --*under_way;
                                       lookup->answered = true;
                                       lookup->error = error;
                                       lookup->results = std::move(results);
                                       lookup->done.cancel();
                                   });
    boost::system::error_code ignored;
    co_await lookup->done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));

    Resolved resolved;
    if (!lookup->answered) {
        lookup->resolver.cancel();
        resolved.error = "cannot resolve " + host + ": no answer after " +
                         std::to_string(timeout.count()) + " ms";
    } else if (lookup->error) {
        resolved.error = "cannot resolve " + host + ": " + lookup->error.message();
    } else {
        for (const auto& entry : lookup->results) {
            const route::SocketAddress address = from_endpoint(entry.endpoint());
            if (std::find(resolved.addresses.begin(), resolved.addresses.end(), address) ==
                resolved.addresses.end()) {
                resolved.addresses.push_back(address);
            }
        }
        if (resolved.addresses.empty()) {
            resolved.error = "cannot resolve " + host + ": it has no address";
        }
    }
    co_return resolved;
}

}  // namespace switchyard::upstream
