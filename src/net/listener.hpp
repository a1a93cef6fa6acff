#pragma once

#include "base/error.hpp"
#include "config/config.hpp"
#include "net/address.hpp"
#include "net/event_loop.hpp"

#include <functional>
#include <vector>

namespace switchyard::net {

/// Binds the sockets of one listening address, one a worker (SO_REUSEPORT): the kernel spreads the
/// connections. Port 0 binds all of them to the same free port. With `look_for_others` refuses an
/// address that any other socket has, even one that would share it. Errors name the address and
/// what to do.
[[nodiscard]] Result<std::vector<int>> bind_listeners(const config::Listener& listener,
                                                      std::size_t count,
                                                      bool look_for_others = true);

/// Accepts connections of one listening socket on one loop.
class Acceptor final : public Pollable, private TimerNode {
  public:
    /// Called with a non-blocking socket that the callee owns from then on.
    using Callback = std::function<void(int fd, const Address& peer)>;

    /// Takes over the descriptor. Loop's thread.
    Acceptor(EventLoop& loop, int fd, Callback callback);
    ~Acceptor() override;

    /// Accepts what has already connected, then closes: nobody who got through is turned away.
    void close();

  private:
    /// `more`: try again; `none`: nobody waits; `stuck`: somebody waits and can't be accepted.
    enum class Result : std::uint8_t { more, none, stuck };

    void on_events(std::uint32_t events) override;
    std::uint64_t on_tick(std::uint64_t now) override;
    Result accept_one();
    /// How many connections are there to be accepted; at least that many.
    [[nodiscard]] unsigned waiting() const noexcept;
    /// Accepts a connection to close it. False: not even that could be done.
    bool turn_away();

    EventLoop& loop_;
    int fd_;
    int reserve_ = -1;      ///< A descriptor to give up when there are no others (see turn_away).
    unsigned at_once_ = 1;  ///< Connections that the next event may bring.
    std::uint64_t complained_ns_ = 0;
    Callback callback_;
};

}  // namespace switchyard::net
