#pragma once

#include "support/crc32.hpp"
#include "support/origin/answer.hpp"
#include "support/origin/request.hpp"
#include "support/origin/routes.hpp"
#include "support/origin/websocket.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::origin {

class Loop;

/// One client connection: reads requests, answers them one after the other. Belongs to one loop,
/// whose thread makes every call. The socket is registered edge-triggered, once, for everything.
class Connection {
  public:
    Connection(Loop& loop, int fd, std::uint64_t number);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Goes on as far as it can. False: the connection is over, destroy it.
    [[nodiscard]] bool on_events(std::uint32_t events);
    [[nodiscard]] bool on_timer();

    [[nodiscard]] int fd() const noexcept { return fd_; }

  private:
    static constexpr std::size_t kEnoughOutput = 128 * 1024;

    enum class Phase { head, body, wait, answer, ending, tunnel, hang, linger, dead };
    enum class Gate { open, close_on_next, reset_on_next };

    /// Bytes allowed in steps: `step` bytes each tick. A step of 0 means no limit.
    struct Pace {
        std::uint64_t step = 0;
        std::uint64_t left = 0;
        int tick_ms = 10;
        void start(std::uint64_t bytes_per_second);
    };

    /// An answer whose last byte is at this offset of all bytes ever sent.
    struct Unsettled {
        std::uint64_t end = 0;
        Tally* tally = nullptr;
    };

    bool run();
    bool step();  // False: nothing more to do before the next event or timer.
    bool step_head();
    bool step_body();
    bool step_wait();
    bool step_answer();
    bool step_ending();
    bool step_tunnel();
    bool step_drain();  // hang and linger: read and forget until the peer goes.

    void begin_request();
    bool begin_answer();
    void start_answer();
    void write_head();
    void produce(std::size_t bytes);
    void refuse_malformed();

    bool fill();   // One recv. False: nothing there.
    bool flush();  // True: all is sent.
    bool wait_paced(Pace& pace);
    bool peer_gone();  // While waiting: looks whether the peer has closed.
    void settle();
    void count_current(std::atomic<std::uint64_t> Tally::*outcome);
    void kill();
    void reset();

    [[nodiscard]] std::string_view input() const { return {in_.data() + in_at_, in_end_ - in_at_}; }

    Loop& loop_;
    int fd_;
    std::uint64_t number_;
    std::uint64_t requests_ = 0;
    Phase phase_ = Phase::head;
    Gate gate_ = Gate::open;

    bool readable_ = true;
    bool hung_up_ = false;  // The end is in the socket's buffer somewhere: read until it comes.
    bool peer_closed_ = false;
    bool timer_fired_ = false;
    bool shut_ = false;  // Our side is ended; only the peer's end is awaited.

    std::vector<char> in_;
    std::size_t in_at_ = 0, in_end_ = 0;
    std::string out_;
    std::size_t out_at_ = 0;
    std::uint64_t sent_ = 0;

    Request request_;
    Plan plan_;
    BodyReader reader_;
    Received received_;
    test::Crc32 crc_;
    Answer answer_;
    WebSocketEcho echo_;
    Pace pace_;
    bool no_body_ = false;
    std::uint64_t body_at_ = 0, body_limit_ = 0;

    Tally* tally_ = nullptr;  // Of the request under way, if it is counted.
    std::vector<Unsettled> unsettled_;
};

}  // namespace switchyard::origin
