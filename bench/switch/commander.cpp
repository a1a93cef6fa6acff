#include "bench/switch/commander.hpp"

#include "bench/common/clock.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json.hpp>

namespace switchyard::bench {
namespace {

constexpr std::int64_t kPatience = 10'000 * kMillisecond;
/// How long a canary has one share: for some answers to each of the clients.
constexpr std::int64_t kTimeOfAShare = 25 * kMillisecond;

}  // namespace

Commander::Commander(World& world, Service& service, Plan plan)
    : world_(world), service_(service), plan_(std::move(plan)), reader_(this) {}

void Commander::start() {
    first_due_ = now_ns();
    next_command();
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
    command_ = commands_.front();
    commands_.pop_front();
    const Colour to = other(service_.timeline.live());
    const char* path = "switch";
    std::string body = "{\"wait\":false";
    if (command_.sort == Command::Sort::change)
        body += ",\"to\":\"" + std::string(to_string(to)) + "\"";
    if (command_.sort == Command::Sort::promote) path = "canary/promote";
    if (command_.sort == Command::Sort::share) {
        path = "canary";
        body += ",\"percent\":" + std::to_string(command_.percent);
    }
    if (command_.hold) body += ",\"hold\":true";
    body += "}";
    request_ = "POST /v1/services/" + service_.name + "/" + path +
               " HTTP/1.1\r\nHost: switchyard\r\nContent-Type: application/json\r\n"
               "Content-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
    written_ = 0;
    line_.clear();
    acknowledged_ = released_ = false;
    reader_.reset();
    phase_ = Phase::connecting;
    sent_at_ = now_ns();
    service_.last_switch.sent(sent_at_);
    if (command_.switches())
        service_.timeline.sent(to, sent_at_);
    else
        service_.timeline.sent_share(command_.percent, sent_at_);
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
    if (reader_.head().status != 200 || !command_.switches()) return;
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
    world_.tally.violations.add("C15", id_of_command(),
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
    service_.timeline.acknowledged(now);
    service_.last_switch.acknowledged(now);
    const std::string policy = text("tunnels_policy");
    service_.tunnels.policy = policy == "keep"    ? Tunnels::Policy::keep
                              : policy == "close" ? Tunnels::Policy::close
                              : policy == "cut"   ? Tunnels::Policy::cut
                                                  : Tunnels::Policy::unknown;
    service_.tunnels.drain_timeout =
        static_cast<std::int64_t>(number("drain_timeout_ms")) * kMillisecond;
    latency_.add(now - sent_at_);
    const auto part = [&](const char* key) {
        return static_cast<std::int64_t>(number(key)) * 1000;
    };
    parts_.durable.add(part("durable_us"));
    parts_.visible.add(part("visible_us"));
    parts_.acknowledged.add(part("acknowledged_us"));
    ++committed_;
    phase_ = Phase::ending;
    if (text("to") != to_string(service_.timeline.live()))
        world_.tally.violations.add("C4", id_of_command(),
                                    "committed a switch to '" + text("to") + "'");
    check_epoch(number("epoch"));
}

/// The answer to a change of a canary's share, as a whole.
void Commander::on_share(std::string_view object) {
    const std::int64_t now = now_ns();
    boost::system::error_code error;
    const auto value = boost::json::parse(object.substr(0, object.find('\n')), error);
    const auto* said = error ? nullptr : value.if_object();
    const auto number = [&](const char* key) {
        const auto* found = said ? said->if_contains(key) : nullptr;
        return found && found->is_number() ? found->to_number<double>() : -1;
    };
    if (reader_.head().status != 200 || number("epoch") < 0) return;
    acknowledged_ = true;
    acknowledged_at_ = now;
    service_.timeline.acknowledged(now);
    service_.last_switch.acknowledged(now);
    if (number("percent") != command_.percent)
        world_.tally.violations.add("C4", id_of_command(),
                                    "committed another share: " + std::string(object));
    ++(number("former_percent") == 0 ? canaries_ : shares_);
    check_epoch(static_cast<std::uint64_t>(number("epoch")));
}

void Commander::check_epoch(std::uint64_t epoch) {
    if (epoch != plan_.epoch + 1)
        world_.tally.violations.add(
            "C14", id_of_command(),
            "epoch " + std::to_string(epoch) + " after " + std::to_string(plan_.epoch));
    plan_.epoch = epoch;
}

std::string Commander::id_of_command() const {
    const std::string number = std::to_string(begun_) + " of " + service_.name;
    return command_.switches()
               ? "switch " + number
               : "canary " + std::to_string(command_.percent) + "% before switch " + number;
}

void Commander::end_command() {
    if (!command_.switches()) on_share(line_);
    if (acknowledged_ && command_.hold && !released_)
        return give_up("the answer ended before the release");
    if (!acknowledged_)
        return give_up("status " + std::to_string(reader_.head().status) + ": " + line_);
    stream_.close();
    if (command_.settle) {
        phase_ = Phase::settling;
        return settle();
    }
    next_command();
}

/// C11: within three quarters of the drain's time all WebSockets of the old slot are told to go.
void Commander::settle() {
    constexpr std::int64_t kLook = 10 * kMillisecond;
    const Colour old = other(service_.timeline.live());
    const unsigned left = service_.tunnels.open[index_of(old)];
    const std::int64_t now = now_ns();
    const bool closes = service_.tunnels.policy == Tunnels::Policy::close;
    service_.tunnels.to_be_told.reset();
    if (closes && left > 0 && now - acknowledged_at_ < service_.tunnels.drain_timeout * 3 / 4) {
        service_.tunnels.to_be_told = old;
        world_.alarms.emplace(now + kLook, this);
        return;
    }
    if (closes && left > 0) {
        world_.tally.violations.add(
            "C11", id_of_command(),
            std::to_string(left) + " WebSockets on " + std::string(to_string(old)) +
                " were not told to go away in three quarters of the drain's time");
    } else if (closes) {
        settled_.add(now - acknowledged_at_);
    }
    next_command();
}

void Commander::next_command() {
    const bool in_canary = !commands_.empty();
    if (!in_canary) {
        if (begun_ == plan_.script.switches) {
            phase_ = Phase::done;
            return;
        }
        for (const Command& command : commands_of(plan_.script, ++begun_))
            commands_.push_back(command);
    }
    phase_ = Phase::waiting;
    const std::int64_t now = now_ns();
    if (in_canary) {
        first_due_ += kTimeOfAShare;
        due_ = now + kTimeOfAShare;
    } else {
        const double wait = static_cast<double>(begun_ - 1) / plan_.rate * 1e9;
        due_ = std::max(first_due_ + static_cast<std::int64_t>(wait), now);
    }
    world_.alarms.emplace(due_, this);
}

/// A switch that fails ends the run: from here on nobody knows what is live.
void Commander::give_up(const std::string& why) {
    world_.tally.violations.add("C4", id_of_command(), "the command failed: " + why);
    if (!acknowledged_) service_.timeline.refused();
    stream_.close();
    phase_ = Phase::done;
}

}  // namespace switchyard::bench
