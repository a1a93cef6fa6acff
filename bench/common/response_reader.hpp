#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace switchyard::bench {

/// The head of an answer, as far as the benchmarks look at it.
struct ResponseHead {
    int status = 0;
    bool chunked = false;
    bool close = false;       ///< The connection ends after this answer.
    bool has_length = false;  ///< A Content-Length was sent.
    std::uint64_t content_length = 0;
    std::string colour;         ///< X-Origin-Colour
    std::string served_by;      ///< X-Served-By
    std::string test_id;        ///< X-Test-Id
    std::string request_id;     ///< X-Request-Id
    std::string proxy_error;    ///< X-Switchyard-Error
    std::string canary_cookie;  ///< Of Set-Cookie: "switchyard_canary=...", without attributes.
    std::string grpc_status;    ///< Also of the trailers (HTTP/2).
    std::string grpc_message;
};

/// Keeps a field of an answer's head if the benchmarks look at it; whatever the protocol.
void note_field(ResponseHead& head, std::string_view name, std::string_view value);

/// Reads one HTTP/1.1 answer after the other from a stream of bytes. Interim answers (1xx) are
/// skipped; 101 is complete with its head: what follows is no HTTP. It is strict: anything odd ends
/// in the state `broken` with a reason.
class ResponseReader {
  public:
    enum class State : unsigned char { head, body, complete, broken };

    /// Called with every piece of the (decoded) body, in order.
    class BodySink {
      public:
        virtual ~BodySink() = default;
        virtual void on_body(std::string_view piece) = 0;
    };

    /// `sink` may be null and must outlive the reader.
    explicit ResponseReader(BodySink* sink = nullptr) : sink_(sink) {}

    /// Gets ready for the next answer on the same connection.
    void reset();

    /// Takes bytes until the answer is complete and says how many it took.
    std::size_t feed(std::string_view bytes);

    /// The stream has ended: completes an answer that is delimited by the end, breaks any other.
    void end_of_stream();

    State state() const noexcept { return state_; }
    const ResponseHead& head() const noexcept { return head_; }
    std::uint64_t body_bytes() const noexcept { return body_bytes_; }
    const char* reason() const noexcept { return reason_; }

    /// Nothing of the answer has been seen yet.
    bool untouched() const noexcept { return state_ == State::head && text_.empty(); }

  private:
    enum class Chunk : unsigned char { size, data, data_end, trailer };

    bool take_head(std::string_view head);
    void take_field(std::string_view name, std::string_view value);
    std::size_t feed_head(std::string_view bytes);
    std::size_t feed_body(std::string_view bytes);
    std::size_t feed_line(std::string_view bytes);
    void take_chunk_line(std::string_view line);
    void deliver(std::string_view piece);
    void broken(const char* reason);

    BodySink* sink_;
    State state_ = State::head;
    Chunk chunk_ = Chunk::size;
    bool until_close_ = false;
    std::uint64_t remaining_ = 0;
    std::uint64_t body_bytes_ = 0;
    ResponseHead head_;
    std::string text_;  // an incomplete head or chunk line
    const char* reason_ = "";
};

}  // namespace switchyard::bench
