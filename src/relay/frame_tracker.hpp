#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace switchyard::relay {

/// Where the frames of one direction of a WebSocket connection begin and end (RFC 6455 §5), as its
/// octets pass in pieces of any size. It looks at frame headers only, keeps nothing of what passes,
/// and knows no extension: those of use (RFC 7692) leave headers as they are.
class FrameTracker {
  public:
    /// Frames of clients are masked, those of servers are not (§5.1).
    enum class Sender : std::uint8_t { client, server };

    explicit FrameTracker(Sender sender) noexcept : masked_(sender == Sender::client) {}

    /// Where follow() stops before the end of what it was given. It always stops behind a Close
    /// frame, since nothing may come behind it (§5.5.1).
    enum class Stop : std::uint8_t {
        nowhere,
        frame,    ///< At the next place where a frame of another sender may stand.
        message,  ///< At the next such place that is not within a fragmented message.
    };

    /// Returns how many octets of `octets` were followed: all of them, or up to the place to stop
    /// at, which may be where it is already (0). Broken framing is followed no further, but all of
    /// it passes.
    std::size_t follow(std::string_view octets, Stop stop) noexcept;

    /// Between two frames: the place to put one in.
    [[nodiscard]] bool between_frames() const noexcept {
        return !broken_ && !closed_ && header_size_ == 0 && payload_left_ == 0;
    }
    /// The same, and no message is cut by what is put in instead of its rest.
    [[nodiscard]] bool between_messages() const noexcept {
        return between_frames() && !in_message_;
    }
    /// A whole Close frame has passed.
    [[nodiscard]] bool closed() const noexcept { return closed_; }
    /// Something came that is no frame: nothing is known any more.
    [[nodiscard]] bool broken() const noexcept { return broken_; }

  private:
    [[nodiscard]] bool stops(Stop stop) const noexcept {
        if (stop == Stop::nowhere) return false;
        return stop == Stop::frame ? between_frames() : between_messages();
    }
    void take_header(unsigned char octet) noexcept;
    void begin_frame() noexcept;
    void end_frame() noexcept;

    bool masked_;
    bool broken_ = false;
    bool closed_ = false;
    bool in_message_ = false;        ///< Its last fragment has not come.
    bool close_ = false;             ///< The present frame is a Close.
    std::uint8_t header_size_ = 0;   ///< Octets of the header so far; 0: none, or complete.
    std::uint8_t header_whole_ = 0;  ///< Once known (header_size_ >= 2).
    std::array<unsigned char, 14> header_{};
    std::uint64_t payload_left_ = 0;
};

/// A Close frame with status 1001, "going away" (RFC 6455 §7.4.1), as it is sent to a client; to a
/// server it is masked, with `key`.
struct CloseFrame {
    std::array<char, 8> octets{};
    std::size_t size = 0;
    [[nodiscard]] std::string_view view() const noexcept { return {octets.data(), size}; }

    [[nodiscard]] static CloseFrame to_client() noexcept;
    [[nodiscard]] static CloseFrame to_server(std::uint32_t key) noexcept;
};

}  // namespace switchyard::relay
