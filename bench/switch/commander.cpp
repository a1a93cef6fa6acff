#include "bench/switch/commander.hpp"

#include "bench/common/clock.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json.hpp>

namespace switchyard::bench {
namespace {

constexpr std::int64_t kPatience = 10'000 * kMillisecond;

}  // namespace

Commander::Commander(World& world, Plan plan)
    : world_(world), plan_(std::move(plan)), reader_(this) {}

void Commander::start() {
    first_due_ = due_ = now_ns();
    if (plan_.switches == 0) {
        phase_ = Phase::done;
        return;
    }
    world_.alarms.emplace(first_due_, this);
}

void Commander::on_time() {
    // Also alarms of earlier phases come here.
    if (phase_ == Phase::waiting) {
        if (now_ns() >= due_) begin_command();
        return;
    }
    if (phase_ == Phase::settling) return settle();
    // The alarm that was set together with a command: an answer should be there by now.
    if ((phase_ == Phase::connecting || phase_ == Phase::commanding) &&
        now_ns() - sent_at_ >= kPatience)
        give_up("the daemon did not answer within 10 s");
}

void Commander::begin_command() {
    ++begun_;
    const Colour to = other(world_.timeline.live());
    const std::string body = "{\"to\":\"" + std::string(to_string(to)) + "\",\"wait\":false" +
                             (holds_now() ? ",\"hold\":true}" : "}");
    request_ = "POST /v1/services/" + plan_.service +
               "/switch HTTP/1.1\r\nHost: switchyard\r\nContent-Type: application/json\r\n"
               "Content-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
    written_ = 0;
    line_.clear();
    acknowledged_ = released_ = false;
    reader_.reset();
    phase_ = Phase::connecting;
    sent_at_ = now_ns();
    world_.timeline.sent(to, sent_at_);
    world_.alarms.emplace(sent_at_ + kPatience, this);
    if (!stream_.connect(plan_.socket, nullptr, "")) return give_up(stream_.error());
    if (!world_.watch(stream_.fd(), this)) return give_up("epoll_ctl failed");
    pump();
}

void Commander::on_ready(std::uint32_t) {
    pump();
}

void Commander::pump() {
    if (phase_ == Phase::connecting) {
        const IoResult result = stream_.handshake();
        if (result.status == Io::failed) return give_up(stream_.error());
        if (result.status != Io::done) return;
        phase_ = Phase::commanding;
    }
    if (phase_ != Phase::commanding && phase_ != Phase::ending) return;
    while (written_ < request_.size()) {
        const IoResult result =
            stream_.write(request_.data() + written_, request_.size() - written_);
        if (result.status == Io::failed) return give_up(stream_.error());
        if (result.status != Io::done) return;
        written_ += result.bytes;
    }
    read_answer();
}

void Commander::read_answer() {
    std::array<char, 8192> buffer{};
    while (phase_ == Phase::commanding || phase_ == Phase::ending) {
        const IoResult result = stream_.read(buffer.data(), buffer.size());
        if (result.status == Io::failed) return give_up(stream_.error());
        if (result.status == Io::want_read || result.status == Io::want_write) return;
        if (result.status == Io::closed)
            reader_.end_of_stream();
        else
            reader_.feed({buffer.data(), result.bytes});
        if (phase_ == Phase::done) return;
        if (reader_.state() == ResponseReader::State::broken) return give_up(reader_.reason());
        if (reader_.state() == ResponseReader::State::complete) return end_command();
    }
}

void Commander::on_body(std::string_view piece) {
    line_ += piece;
    if (reader_.head().status != 200) return;
    while (phase_ == Phase::commanding || phase_ == Phase::ending) {
        const auto end = line_.find('\n');
        if (end == std::string::npos) return;
        const std::string line = line_.substr(0, end);
        line_.erase(0, end + 1);
        if (!acknowledged_) {
            on_committed(line);
        } else if (!released_) {
            on_released(line);
        }
    }
}

/// C15: whoever was held went on, and nobody was turned away.
void Commander::on_released(std::string_view line) {
    boost::system::error_code error;
    const auto value = boost::json::parse(line, error);
    const auto* object = error ? nullptr : value.if_object();
    const auto number = [&](const char* key) -> std::uint64_t {
        const auto* found = object ? object->if_contains(key) : nullptr;
        return found && found->is_number() ? found->to_number<std::uint64_t>() : 0;
    };
    const auto* event = object ? object->if_contains("event") : nullptr;
    if (!event || !event->is_string() || event->get_string() != "released")
        return give_up("no release: " + std::string(line));
    released_ = true;
    held_ += number("total");
    longest_wait_.add(static_cast<std::int64_t>(number("longest_wait_ms")) * kMillisecond);
    if (number("total") == number("released") + number("left") && number("full") == 0) return;
    world_.tally.violations.add("C15", "switch-" + std::to_string(begun_),
                                "not every held request went on: " + std::string(line));
}

void Commander::on_committed(std::string_view line) {
    const std::int64_t now = now_ns();
    boost::system::error_code error;
    const auto value = boost::json::parse(line, error);
    const auto* object = error ? nullptr : value.if_object();
    const auto text = [&](const char* key) -> std::string {
        const auto* found = object ? object->if_contains(key) : nullptr;
        return found && found->is_string() ? std::string(found->as_string()) : std::string();
    };
    const auto number = [&](const char* key) -> std::uint64_t {
        const auto* found = object ? object->if_contains(key) : nullptr;
        return found && found->is_number() ? found->to_number<std::uint64_t>() : 0;
    };
    if (text("event") != "committed") return give_up("no commit: " + std::string(line));
    acknowledged_ = true;
    acknowledged_at_ = now;
    world_.timeline.acknowledged(now);
    const std::string policy = text("tunnels_policy");
    world_.tunnels.policy = policy == "keep"    ? Tunnels::Policy::keep
                            : policy == "close" ? Tunnels::Policy::close
                            : policy == "cut"   ? Tunnels::Policy::cut
                                                : Tunnels::Policy::unknown;
    world_.tunnels.drain_timeout =
        static_cast<std::int64_t>(number("drain_timeout_ms")) * kMillisecond;
    latency_.add(now - sent_at_);
    durable_.add(static_cast<std::int64_t>(number("durable_us")) * 1000);
    ++committed_;
    phase_ = Phase::ending;
    const std::string id = "switch-" + std::to_string(begun_);
    if (text("to") != to_string(world_.timeline.live()))
        world_.tally.violations.add("C4", id, "committed a switch to '" + text("to") + "'");
    if (number("epoch") != plan_.epoch + 1)
        world_.tally.violations.add(
            "C14", id,
            "epoch " + std::to_string(number("epoch")) + " after " + std::to_string(plan_.epoch));
    plan_.epoch = number("epoch");
}

void Commander::end_command() {
    if (acknowledged_ && holds_now() && !released_)
        return give_up("the answer ended before the release");
    if (!acknowledged_)
        return give_up("status " + std::to_string(reader_.head().status) + ": " + line_);
    stream_.close();
    const bool last = begun_ == plan_.switches;
    if (last || (plan_.settle_every != 0 && begun_ % plan_.settle_every == 0)) {
        phase_ = Phase::settling;
        return settle();
    }
    next_command();
}

/// C11: within three quarters of the drain's time all WebSockets of the old slot are told to go.
void Commander::settle() {
    constexpr std::int64_t kLook = 10 * kMillisecond;
    const Colour old = other(world_.timeline.live());
    const unsigned left = world_.tunnels.open[index_of(old)];
    const std::int64_t now = now_ns();
    const bool closes = world_.tunnels.policy == Tunnels::Policy::close;
    if (closes && left > 0 && now - acknowledged_at_ < world_.tunnels.drain_timeout * 3 / 4) {
        world_.alarms.emplace(now + kLook, this);
        return;
    }
    if (closes && left > 0) {
        world_.tally.violations.add(
            "C11", "switch-" + std::to_string(begun_),
            std::to_string(left) + " WebSockets on " + std::string(to_string(old)) +
                " were not told to go away in three quarters of the drain's time");
    } else if (closes) {
        settled_.add(now - acknowledged_at_);
    }
    next_command();
}

void Commander::next_command() {
    if (begun_ == plan_.switches) {
        phase_ = Phase::done;
        return;
    }
    phase_ = Phase::waiting;
    due_ = std::max(
        first_due_ + static_cast<std::int64_t>(static_cast<double>(begun_) / plan_.rate * 1e9),
        now_ns());
    world_.alarms.emplace(due_, this);
}

/// A switch that fails ends the run: from here on nobody knows what is live.
void Commander::give_up(const std::string& why) {
    world_.tally.violations.add("C4", "switch-" + std::to_string(begun_),
                                "the command failed: " + why);
    if (!acknowledged_) world_.timeline.refused();
    stream_.close();
    phase_ = Phase::done;
}

}  // namespace switchyard::bench
