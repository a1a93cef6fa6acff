#pragma once

#include "support/origin/grpc_connection.hpp"
#include "support/origin/world.hpp"

#include <memory>
#include <unordered_map>

namespace switchyard::origin {

/// The event loop of the connections that speak HTTP/2, beside those of HTTP/1.1 (Loop). Only
/// stop() may be called from other threads.
class GrpcServer {
  public:
    /// `listener` is non-blocking and stays the caller's. Throws std::system_error.
    GrpcServer(World& world, Books& books, int listener);
    ~GrpcServer();
    GrpcServer(const GrpcServer&) = delete;
    GrpcServer& operator=(const GrpcServer&) = delete;

    void run();
    void stop() noexcept;

  private:
    void accept_some();
    [[nodiscard]] bool has_timers() const noexcept;

    World& world_;
    Books& books_;
    int listener_;
    int epoll_ = -1;
    int wake_ = -1;
    std::unordered_map<int, std::unique_ptr<GrpcConnection>> connections_;
};

}  // namespace switchyard::origin
