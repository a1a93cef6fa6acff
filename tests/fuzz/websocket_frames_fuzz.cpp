// Frames are followed to the same places however the octets arrive, and where it stops a frame
// could be put in. The first octet chooses who sends, where to stop, and the pieces.
// depends: switchyard_relay
#include "fuzz/h1_check.hpp"
#include "relay/frame_tracker.hpp"

#include <algorithm>
#include <tuple>
#include <vector>

namespace {

using switchyard::relay::FrameTracker;
namespace fuzz = switchyard::fuzz;

struct Seen {
    std::size_t followed = 0;
    bool between_frames = false;
    bool between_messages = false;
    bool closed = false;
    bool broken = false;
    bool operator==(const Seen&) const = default;
};

Seen follow(std::string_view octets, FrameTracker::Sender sender, FrameTracker::Stop stop,
            std::size_t size) {
    FrameTracker tracker(sender);
    // From within the first frame on.
    Seen seen;
    const std::string_view first = octets.substr(0, 1);
    seen.followed = tracker.follow(first, FrameTracker::Stop::nowhere);
    octets.remove_prefix(first.size());
    while (!octets.empty()) {
        const std::string_view part = octets.substr(0, std::min(size, octets.size()));
        // Memory of exactly this size: a read past it is seen.
        const std::vector<char> piece(part.begin(), part.end());
        const std::size_t done = tracker.follow({piece.data(), piece.size()}, stop);
        fuzz::require(done <= part.size(), "it stays in bounds");
        seen.followed += done;
        if (done < part.size()) {
            fuzz::require(tracker.closed() || tracker.between_frames(), "it stops where it may");
            break;
        }
        octets.remove_prefix(part.size());
    }
    seen.between_frames = tracker.between_frames();
    seen.between_messages = tracker.between_messages();
    seen.closed = tracker.closed();
    seen.broken = tracker.broken();
    fuzz::require(!seen.between_messages || seen.between_frames, "a message ends with a frame");
    fuzz::require(!(seen.between_frames && (seen.closed || seen.broken)), "no place after the end");
    return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const auto sender =
        (data[0] & 1) != 0 ? FrameTracker::Sender::client : FrameTracker::Sender::server;
    const auto stop = static_cast<FrameTracker::Stop>(data[0] / 2 % 3);
    const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
    const Seen whole = follow(octets, sender, stop, octets.size());
    fuzz::require(whole == follow(octets, sender, stop, 1), "octet by octet makes no difference");
    fuzz::require(whole == follow(octets, sender, stop, 2 + data[0] / 8), "nor do pieces");
    return 0;
}
