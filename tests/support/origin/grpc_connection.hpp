#pragma once

#include "support/origin/grpc_call.hpp"
#include "support/origin/world.hpp"

#include <cstdint>
#include <map>
#include <string>

typedef struct nghttp2_session nghttp2_session;

namespace switchyard::origin {

/// One connection that speaks HTTP/2 with prior knowledge, and the calls on it. Belongs to a
/// GrpcServer, whose thread makes every call.
class GrpcConnection {
  public:
    /// Takes over the socket. Throws std::runtime_error.
    GrpcConnection(World& world, Books& books, int fd);
    ~GrpcConnection();
    GrpcConnection(const GrpcConnection&) = delete;
    GrpcConnection& operator=(const GrpcConnection&) = delete;

    /// Reads, answers and writes as far as it can. False: the connection is over, destroy it.
    [[nodiscard]] bool go_on();
    /// Sends the messages that are due. False: as above.
    [[nodiscard]] bool on_time();
    /// Messages are due at some time to come.
    [[nodiscard]] bool has_timers() const noexcept;
    [[nodiscard]] int fd() const noexcept { return fd_; }

  private:
    friend struct GrpcCallbacks;

    bool read();
    bool write();
    void answer(GrpcCall& call);
    void refuse(GrpcCall& call);
    void resume(GrpcCall& call);

    World& world_;
    Books& books_;
    int fd_;
    nghttp2_session* session_ = nullptr;
    std::map<std::int32_t, GrpcCall> calls_;
    std::string out_;
    std::size_t sent_ = 0;
};

}  // namespace switchyard::origin
