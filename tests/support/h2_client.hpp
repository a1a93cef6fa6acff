#pragma once

#include "support/client.hpp"
#include "support/response.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::test {

/// RFC 9113 §6.
enum class FrameType : std::uint8_t {
    data = 0,
    headers = 1,
    priority = 2,
    rst_stream = 3,
    settings = 4,
    push_promise = 5,
    ping = 6,
    goaway = 7,
    window_update = 8,
    continuation = 9,
};

inline constexpr std::uint8_t kEndStream = 0x1;
inline constexpr std::uint8_t kAck = 0x1;
inline constexpr std::uint8_t kEndHeaders = 0x4;
inline constexpr std::uint8_t kPadded = 0x8;
inline constexpr std::uint8_t kPriorityFlag = 0x20;

/// RFC 9113 §7.
enum class H2Code : std::uint32_t {
    no_error = 0,
    protocol_error = 1,
    internal_error = 2,
    flow_control_error = 3,
    settings_timeout = 4,
    stream_closed = 5,
    frame_size_error = 6,
    refused_stream = 7,
    cancel = 8,
    compression_error = 9,
    connect_error = 10,
    enhance_your_calm = 11,
    inadequate_security = 12,
    http_1_1_required = 13,
};

struct Frame {
    FrameType type = FrameType::data;
    std::uint8_t flags = 0;
    std::uint32_t stream = 0;
    std::string payload;
    [[nodiscard]] bool has(std::uint8_t flag) const noexcept { return (flags & flag) != 0; }
};

inline constexpr std::string_view kH2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame as octets, whatever its content.
std::string frame(FrameType type, std::uint8_t flags, std::uint32_t stream,
                  std::string_view payload = {});
/// A number as `bytes` octets, the highest first.
std::string big_endian(std::uint64_t number, int bytes);
/// One entry of a SETTINGS frame.
std::string setting(std::uint16_t id, std::uint32_t value);
std::string window_update(std::uint32_t stream, std::uint32_t more);
std::string rst_stream(std::uint32_t stream, H2Code code);
/// A header block: each field a literal that is not indexed, as it is (RFC 7541 §6.2.2).
std::string header_block(const Fields& fields);

/// The fields of a usual request, pseudo-header fields first.
Fields h2_request(std::string_view method, std::string_view path, const Fields& more = {},
                  std::string_view authority = "localhost", std::string_view scheme = "http");

/// What came on one stream so far.
struct H2Answer {
    Response response;  ///< Status, fields, body, trailers, interim answers.
    bool has_head = false;
    bool ended = false;  ///< END_STREAM came.
    std::optional<H2Code> reset;
    std::vector<Frame> frames;
};

struct H2Goaway {
    std::uint32_t last_stream = 0;
    H2Code code = H2Code::no_error;
    std::string debug;
};

/// A connection that speaks HTTP/2 as a test wants it: frames are sent as they are given, and every
/// frame that comes is kept. Heads are decoded strictly. Acknowledges SETTINGS and PING, and gives
/// windows back, unless told not to. Every call has a deadline; failures are ClientError.
class H2Client {
  public:
    /// Sends the preface and SETTINGS with this payload.
    explicit H2Client(Client client, std::string_view settings = {});
    ~H2Client();
    H2Client(H2Client&&) noexcept;

    [[nodiscard]] Client& socket() noexcept { return client_; }
    void send(std::string_view octets) { client_.send(octets); }

    /// Sends a head as one HEADERS frame on the next stream, and returns which that is.
    std::uint32_t open(const Fields& fields, bool end_stream = true);
    /// The id that open() would use; used up.
    std::uint32_t next_stream() {
        const auto id = next_;
        next_ += 2;
        return id;
    }
    void send_data(std::uint32_t stream, std::string_view octets, bool end_stream = false);

    /// Reads one frame more; false when the connection has ended (in order or not).
    [[nodiscard]] bool read_frame(Deadline deadline = {});
    /// Reads until the stream has ended or was reset; throws ClientError if the connection ends
    /// before.
    H2Answer& wait(std::uint32_t stream, Deadline deadline = {});
    /// Reads until the head of the final answer is there, or the stream is over.
    H2Answer& wait_head(std::uint32_t stream, Deadline deadline = {});
    /// Reads until GOAWAY comes; throws ClientError if the connection ends without one.
    H2Goaway wait_goaway(Deadline deadline = {});
    /// Reads everything to the end of the connection.
    void wait_end(Deadline deadline = {});
    /// Everything sent so far was handled: a PING there and back.
    void settle(Deadline deadline = {});

    /// One request and its answer.
    Response exchange(std::string_view method, std::string_view path, const Fields& fields = {},
                      std::string_view body = {}, Deadline deadline = {});

    [[nodiscard]] H2Answer& answer(std::uint32_t stream) { return answers_[stream]; }
    [[nodiscard]] const std::vector<H2Goaway>& goaways() const noexcept { return goaways_; }
    [[nodiscard]] const std::map<std::uint16_t, std::uint32_t>& settings() const noexcept {
        return settings_;
    }
    /// Frames of stream 0, in order.
    [[nodiscard]] const std::vector<Frame>& connection_frames() const noexcept {
        return connection_frames_;
    }

    bool acknowledges = true;   ///< SETTINGS and PING.
    bool gives_windows = true;  ///< DATA is answered with WINDOW_UPDATE.
    bool keeps_bodies = true;

  private:
    struct Inflater;
    void take(Frame frame);
    void take_headers(H2Answer& answer, const Frame& frame);

    Client client_;
    std::unique_ptr<Inflater> inflater_;
    std::map<std::uint32_t, H2Answer> answers_;
    std::vector<H2Goaway> goaways_;
    std::vector<Frame> connection_frames_;
    std::map<std::uint16_t, std::uint32_t> settings_;
    std::string block_;  ///< A header block that is not complete.
    Frame block_head_;
    std::uint32_t next_ = 1;
    std::uint64_t pings_ = 0;
    std::uint64_t pongs_ = 0;
};

}  // namespace switchyard::test
