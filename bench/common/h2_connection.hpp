#pragma once

#include "bench/common/response_reader.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace switchyard::bench {

/// One request over HTTP/2 and what comes of it. Belongs to who submits it, and has to live until
/// on_close().
class H2Exchange {
  public:
    virtual ~H2Exchange() = default;

    /// The head of the final answer is complete: `head`.
    virtual void on_head() {}
    /// A piece of the answer's body. Returns how many bytes of the stream's window are to be given
    /// back at once; the rest by H2Connection::give_window().
    virtual std::size_t on_body(std::string_view piece) { return piece.size(); }
    /// The next bytes of the request's body into `room`. None and not `last`: later, when
    /// H2Connection::resume() is called.
    virtual std::size_t next_body(char* room, std::size_t size, bool& last) {
        (void)room, (void)size;
        last = true;
        return 0;
    }
    /// The answer came to its end; the request may be under way still.
    virtual void on_end() {}
    /// The stream is over. `complete`: the answer came to its end; otherwise `code` says how it
    /// was reset (RFC 9113 §7).
    virtual void on_close(bool complete, std::uint32_t code) = 0;

    ResponseHead head;
    std::int32_t stream = 0;  ///< Its number.

  private:
    friend struct H2Callbacks;
    friend class H2Connection;
    bool headed_ = false;
    bool ended_ = false;
};

/// The client's end of a connection that speaks HTTP/2, without the socket: bytes in, bytes out.
class H2Connection {
  public:
    /// Everything there is to set. Windows in bytes.
    struct Options {
        std::uint32_t stream_window = 65535;
        std::int32_t connection_window = 16 * 1024 * 1024;
    };
    struct Request {
        std::string_view method = "GET";
        std::string_view path;
        std::string_view authority;
        std::string_view scheme = "http";
        std::string_view test_id;          ///< X-Test-Id; empty: none.
        std::string_view protocol = {};    ///< :protocol (RFC 8441); empty: none.
        std::int64_t content_length = -1;  ///< -1: none is said.
        bool has_body = false;
        std::vector<std::pair<std::string_view, std::string_view>> more = {};  ///< Further fields.
    };

    /// Throws std::runtime_error.
    explicit H2Connection(const Options& options);
    ~H2Connection();
    H2Connection(const H2Connection&) = delete;
    H2Connection& operator=(const H2Connection&) = delete;

    /// Begins a stream; false: no more can be begun on this connection.
    bool submit(const Request& request, H2Exchange& exchange);
    /// The exchange has more of its body.
    void resume(const H2Exchange& exchange);
    void give_window(const H2Exchange& exchange, std::size_t bytes);
    /// RST_STREAM (CANCEL); on_close() follows when it was taken by output().
    void cancel(const H2Exchange& exchange);

    /// Takes what was read. False: the peer broke the protocol, see error().
    bool feed(std::string_view bytes);
    /// What is to be written next, until the next call; empty: nothing.
    std::string_view output();

    bool goaway() const noexcept { return goaway_; }
    /// The peer's SETTINGS came, and allow extended CONNECT (RFC 8441 §3).
    bool takes_tunnels() const noexcept;
    const std::string& error() const noexcept { return error_; }

  private:
    friend struct H2Callbacks;
    struct Session;

    std::unique_ptr<Session> session_;
    bool goaway_ = false;
    std::string error_;
};

}  // namespace switchyard::bench
