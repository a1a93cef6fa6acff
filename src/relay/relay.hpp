#pragma once

#include "http/exchange.hpp"
#include "http/retry_rule.hpp"
#include "relay/flight.hpp"
#include "relay/worker_context.hpp"

#include <memory>
#include <string_view>
#include <vector>

namespace switchyard::relay {

/// Over HTTP/2 (RFC 8441) an upgrade is all that was asked for: 2xx would mean that it is done.
[[nodiscard]] inline bool must_upgrade(const http::RequestHead& request) noexcept {
    return request.version == 20 && !request.upgrade.empty();
}

/// The path that the proxy answers itself, with the live slot's name.
[[nodiscard]] inline bool asks_server_info(const config::Service& config,
                                           const http::RequestHead& request) noexcept {
    return !config.server_info_path.empty() && request.path == config.server_info_path &&
           !must_upgrade(request) &&
           (request.verb == http::Verb::get || request.verb == http::Verb::head);
}

/// The way of one request through the house: route, lease, target, connection, request out,
/// response back, books. One per worker; its thread only.
class Relay final : public http::Handler {
  public:
    explicit Relay(WorkerContext& worker) : worker_(worker) {}
    ~Relay() override;

    Task<void> handle(http::Exchange& exchange) override;
    Task<void> refuse(http::Exchange& exchange, unsigned status, std::string_view code) override;

    /// Ends every request that holds a lease in this ledger (drain deadline).
    void cut(const route::Ledger& ledger, route::Tunnels tunnels) noexcept;
    /// Tells the first `share` (0 to 1) of the ledger's WebSockets to go away, always the same ones
    /// first.
    void close_tunnels(const route::Ledger& ledger, double share) noexcept;
    /// The same for all of every ledger, and those to come (the stop).
    void close_all_tunnels() noexcept;
    /// Ends every request (shutdown deadline).
    void cut_all() noexcept;

    /// A snapshot was published: what was held may have to go on.
    void gates_changed();

    /// Requests under way.
    [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_; }

  private:
    /// How one try with one target ended. `stale`: a pooled connection turned out to be dead, which
    /// does not count as a retry. `retry`: another target may do better.
    enum class Attempt : std::uint8_t { done, stale, retry };

    /// What the routing decision came to. `bound`: the request holds a lease.
    enum class Entry : std::uint8_t { bound, no_such_service, wait, turned_away };

    std::unique_ptr<Flight> acquire();
    void release(std::unique_ptr<Flight> flight);

    // relay.cpp: routing and tries.
    Task<void> serve(Flight& flight);
    Entry bind(Flight& flight);
    Task<Attempt> attempt(Flight& flight);

    bool take_first_piece(Flight& flight);

    // retry.cpp: whether, when and where a request that failed is tried again (C10).
    bool may_retry(Flight& flight, http::TryFailure failure);
    Task<bool> prepare_retry(Flight& flight, Attempt result);
    [[nodiscard]] std::chrono::milliseconds backoff(const Flight& flight);
    [[nodiscard]] std::chrono::milliseconds connect_limit(const Flight& flight) const;
    /// For how long the try may wait for its head: `whole`, and at first only for `first`.
    struct HeadLimits {
        std::chrono::milliseconds whole;
        std::chrono::milliseconds first;
    };
    [[nodiscard]] HeadLimits head_limits(Flight& flight) const;
    Task<bool> give_up_answer(Flight& flight);
    static void judge(Flight& flight, bool good);
    static void judge_answer(Flight& flight, bool broken);

    // hold.cpp: what stands before the routing decision.
    Task<bool> admit(Flight& flight, Entry entry);
    Entry at_gate(Flight& flight, const route::Decision& decision);
    Task<bool> wait_in_queue(Flight& flight);
    void leave_queue(Flight& flight, observe::Counter& how) noexcept;
    HoldQueue* queue_of(const route::HoldRoom& room) noexcept;
    HoldQueue& make_queue(const std::shared_ptr<route::HoldRoom>& room);
    Task<void> turn_away(Flight& flight);

    // messages.cpp: one request and its response over one upstream connection.
    Task<Attempt> exchange_messages(Flight& flight);
    Task<http::Fault> read_response_head(Flight& flight);
    Task<Attempt> no_response(Flight& flight, http::Fault fault);
    Task<void> pass_response(Flight& flight);
    /// What became of a body that went through a pipe; neither fault and not complete: the rest
    /// has to be copied.
    struct Passed {
        http::Fault origin = http::Fault::none;
        http::Fault client = http::Fault::none;
        bool complete = false;
    };
    Task<Passed> pass_piped(http::Exchange& exchange, http::Body& body);
    void keep_connection(Flight& flight);
    static void watch_after_upload(Flight& flight) noexcept;
    void prepare_reply(Flight& flight);
    Task<void> send_request(Flight& flight);
    Task<void> upload(Flight& flight);
    static void upload_failed(Flight& flight, http::Fault sent) noexcept;
    Task<void> stop_upload(Flight& flight);
    Task<void> fail_upload(Flight& flight);
    void prepare_request(Flight& flight);
    const http::Fields& request_trailers(Flight& flight);

    // upgrade.cpp: an origin that was asked to switch protocols.
    void ask_for_upgrade(Flight& flight);
    [[nodiscard]] static bool may_upgrade(const Flight& flight) noexcept;
    Task<void> pass_tunnel(Flight& flight);
    Task<void> run_tunnel(Flight& flight);
    // preview.cpp: what is different for a request that may see the idle slot.
    Task<bool> answer_preview(Flight& flight);
    Task<void> enter_preview(Flight& flight);
    // canary.cpp: what is different while a canary runs.
    [[nodiscard]] route::Decision with_canary(Flight& flight, const route::Decision& live);
    static void give_canary_cookie(Flight& flight);
    void count_canary(const Flight& flight) noexcept;

    // answers.cpp: what the proxy answers itself.
    Task<void> fail(Flight& flight, observe::Outcome outcome, unsigned status,
                    std::string_view code);
    Task<void> redirect(Flight& flight);
    Task<void> server_info(Flight& flight);
    Task<void> send_grpc_error(Flight& flight, unsigned status);
    Task<void> send_local(Flight& flight, unsigned status, std::string_view content_type);

    // books.cpp: what is counted and logged.
    void conclude(Flight& flight) noexcept;
    /// `now_ns`: when it was over.
    void log(Flight& flight, std::uint64_t now_ns) noexcept;
    void make_request_id(std::string& out);

    WorkerContext& worker_;
    std::vector<std::unique_ptr<HoldQueue>> queues_;  ///< Of services that were ever held.
    std::size_t waiting_ = 0;                         ///< Requests that have a place in a queue.
    std::vector<std::unique_ptr<Flight>> spare_;
    Flight* flights_ = nullptr;
    std::size_t in_flight_ = 0;
    bool closing_tunnels_ = false;
};

}  // namespace switchyard::relay
