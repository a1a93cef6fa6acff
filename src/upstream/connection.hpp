#pragma once

#include "base/task.hpp"
#include "h1/client_session.hpp"
#include "route/target.hpp"
#include "upstream/channel.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace switchyard::upstream {

/// A connection to a target that speaks HTTP/1.1, owned by one request or by its worker's pool.
struct Connection final : Channel {
    Connection(net::EventLoop& loop, std::shared_ptr<route::Target> to, std::uint64_t in_epoch)
        : session(loop), target(std::move(to)), epoch(in_epoch) {}

    [[nodiscard]] http::OriginExchange& exchange() noexcept override { return session; }
    Task<ConnectResult> connect(std::chrono::milliseconds timeout) override;
    [[nodiscard]] h1::ClientSession* http1() noexcept override { return &session; }

    h1::ClientSession session;
    std::shared_ptr<route::Target> target;
    /// The service's epoch for which it was taken: with another one it must not be used (C7).
    std::uint64_t epoch;
    std::uint32_t generation = 0;  ///< Of the target's addresses, when it was connected.
    std::uint64_t idle_since = 0;  ///< Tick of the timer wheel.
    /// The target is still where this connection leads to.
    [[nodiscard]] bool leads_to_target() const noexcept {
        return generation == target->generation() && !target->retired();
    }

    /// Sent before everything else (PROXY protocol): it says on whose behalf, so that requests of
    /// others must not go over this connection. Empty: none is sent.
    std::string proxy_header;
};

/// Connects to the target's addresses in turn until one answers, sends that one `proxy_header`
/// (which has to last as long), and shakes hands where the target speaks TLS; all of it within
/// `timeout`. Cancel through stream.cancel().
Task<ConnectResult> connect(net::Stream& stream, std::shared_ptr<route::Target> target,
                            std::chrono::milliseconds timeout, std::string_view proxy_header = {});

}  // namespace switchyard::upstream
