#pragma once

#include "base/task.hpp"
#include "compress/compressed_body.hpp"
#include "compress/plan.hpp"
#include "http/exchange.hpp"
#include "http/forward.hpp"
#include "http/retry_rule.hpp"
#include "observe/outcome.hpp"
#include "relay/hold_queue.hpp"
#include "relay/pause.hpp"
#include "relay/worker_context.hpp"
#include "route/canary_decision.hpp"
#include "route/decision.hpp"
#include "route/snapshot.hpp"
#include "upstream/connection.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace switchyard::relay {

class Tunnel;

/// One request on its way through the house: what was decided, what it holds, how it ended. Kept in
/// a per-worker store, so that its strings and lists keep their memory from request to request.
class Flight {
  public:
    void start(http::Exchange& exchange, WorkerContext& worker);

    /// C2: binds the request to a slot. To be called right after the snapshot was loaded, without a
    /// suspension in between.
    void enter(const route::Decision& decision) noexcept;
    /// Gives the lease back for a retry (C10), which enters anew.
    void move_on() noexcept;
    /// Gives the lease back for good; the last thing that is done with the service.
    void leave(observe::Outcome how) noexcept;

    [[nodiscard]] bool holds(const route::Ledger& ledger) const noexcept {
        return slot != nullptr && slot->ledger.get() == &ledger;
    }

    /// Ends the request at the deadline of a drain or a shutdown.
    void cut() noexcept;
    /// The request is complete: from now on it ends when the client leaves.
    void watch_client() noexcept;
    /// The client left while its answer was awaited.
    void client_left() noexcept;

    /// The present try was certainly not processed by the origin.
    [[nodiscard]] bool untouched() const noexcept { return connection->exchange().unprocessed(); }
    /// Whether the body, as far as it came, can be sent again.
    [[nodiscard]] bool body_at_hand() const noexcept { return first_piece.last || replayable; }
    /// Room for so many octets of the body, to keep them for another try: within what one upload
    /// and all of the service may take. It is given back with drop_replay(). While a lease is held.
    [[nodiscard]] bool make_replay_room(std::uint64_t bytes) noexcept;
    /// Before the upload pulls on: from here on keeps what is pulled.
    void begin_replay();
    /// Keeps a piece, or gives up when it becomes too much.
    void keep_for_replay(const http::Chunk& piece);
    /// The request is over.
    void drop_replay() noexcept;
    /// The upload has ended: what was kept is the first piece of the next try.
    void rewind_body() noexcept;

    [[nodiscard]] bool in_preview() const noexcept {
        return slot != nullptr && way == route::Way::preview;
    }

    /// Ends the waits on the upstream side.
    void cancel_upstream() noexcept;

    http::Exchange* exchange = nullptr;
    WorkerContext* worker = nullptr;
    const route::ServiceState* service = nullptr;
    const route::SlotState* slot = nullptr;   ///< Set while a lease is held.
    observe::SlotMetrics* metrics = nullptr;  ///< Where it is counted; set with `slot`.
    route::Way way = route::Way::live;        ///< How it came to the slot.
    route::PreviewVisit visit;
    route::CanaryVisit canary;
    std::shared_ptr<const route::PreviewTable> previews;  ///< Set if the visit left signs.
    route::Target* target = nullptr;                      ///< Of the present try, while it lasts.
    std::unique_ptr<upstream::Channel> connection;
    std::shared_ptr<const RelayOptions> options;

    // Before it was bound: what stood in its way, and where it waited.
    std::shared_ptr<const route::Gate> gate;  ///< Null: nothing did.
    HoldQueue* queue = nullptr;  ///< What it has to wait in; `held` knows where its place is.
    Held held;
    Pause pause;  ///< Before another try.

    // How it went, for the books, the metrics and the log.
    observe::Outcome outcome = observe::Outcome::completed;
    unsigned status = 0;
    std::string_view error;                   ///< Code of X-Switchyard-Error; string literals only.
    std::optional<std::uint32_t> reset_code;  ///< Of the origin's RST_STREAM, where that is why.
    unsigned retries = 0;
    std::uint64_t try_ns = 0;        ///< When it was bound for the present try; steady.
    std::uint64_t try_tick = 0;      ///< The same by the timer wheel.
    std::uint64_t head_tick = 0;     ///< Since when the present try waits for a head; 0: not yet.
    std::uint64_t waited_ticks = 0;  ///< Earlier tries, for heads that never came.
    bool try_over = false;           ///< It took too long, and another one follows.
    bool interim_sent = false;       ///< The client has got an interim response.
    std::int64_t hold_us = -1;       ///< In queues, all together.
    std::int64_t connect_us = -1;
    std::int64_t first_byte_us = -1;
    std::string retry_after;  ///< Seconds, of a 503; empty: 1.
    std::string request_id;
    std::string target_address;
    std::string_view target_host;  ///< The same as a Host field's value.

    // Ways in which it may be ended from outside.
    bool was_cut = false;
    bool client_gone = false;
    bool interim_torn = false;  ///< A part of an interim response is out: no other may follow.

    // An upgrade: what was asked for of the origin, and the tunnel that came of it.
    std::string_view upgrade;   ///< Into the request's head; empty: an ordinary request.
    std::string websocket_key;  ///< Ours, where the client has none (HTTP/2); or empty.
    Tunnel* tunnel = nullptr;   ///< While there is one.
    bool was_tunnel = false;
    bool told_to_go = false;        ///< And the client was told.
    std::uint64_t tunnel_sent = 0;  ///< Octets to the client besides the head.

    bool fresh_connection = false;  ///< A pooled one was found dead: take none of them again.

    // The request's body: what was at hand when it was first sent (valid until the upload pulls
    // on), what was sent of it for another try, and the upload beside the response.
    http::Chunk first_piece;
    bool body_touched = false;
    bool replayable = false;  ///< `replay` holds all of the body that was pulled.
    std::string replay;
    std::uint64_t replay_room = 0;                     ///< Octets that it may take ...
    std::shared_ptr<route::RetryBudget> replay_owner;  ///< ... of this; null: none yet.
    Fork upload;
    http::Fault upload_client_fault = http::Fault::none;
    http::Fault upload_upstream_fault = http::Fault::none;
    bool upload_complete = true;

    std::unique_ptr<compress::CompressedBody> compressed;  ///< The response's; null: as it comes.

    // Scratch memory.
    http::ForwardScratch forward;
    http::OutgoingRequest outgoing;
    http::Fields trailers;  ///< Of the request, without what belongs to a preview.
    http::ResponseHead response;
    http::OutgoingResponse reply;
    std::string lines;
    std::string page;
    compress::HeadScratch head_scratch;
    std::string proxy_header;     ///< What a connection to the target has to begin with.
    std::string preview_target;   ///< The target without what belongs to a preview.
    std::string preview_cookies;  ///< The same of the cookies; or a cookie that is set.
    std::string canary_cookies;   ///< The cookies without that of a canary.
    std::string canary_caching;   ///< What a response with such a cookie says to caches.
    std::vector<std::uint32_t> tried;

    // The worker's list of flights.
    Flight* previous = nullptr;
    Flight* next = nullptr;
};

/// What the rule for further tries has to know (http/retry_rule.hpp).
[[nodiscard]] http::TryFacts try_facts(const Flight& flight) noexcept;

/// Microseconds from one reading of the steady clock (nanoseconds) to another.
[[nodiscard]] inline std::int64_t micros_between(std::uint64_t from, std::uint64_t to) noexcept {
    return static_cast<std::int64_t>((to - from) / 1000);
}

}  // namespace switchyard::relay
