#include "bench/switch/epochs.hpp"

#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <unordered_set>
#include <utility>

#include <boost/json.hpp>

namespace switchyard::bench {

namespace {

constexpr std::size_t kDigits = 16;

std::string number_text(std::uint64_t id) {
    char text[kDigits + 1] = {};
    const auto end = std::to_chars(text, text + kDigits, id, 16).ptr;
    return {text, end};
}

}  // namespace

std::uint64_t request_number(std::string_view request_id) noexcept {
    std::uint64_t number = 0;
    if (request_id.size() != 2 * kDigits) return 0;
    const char* const end = request_id.data() + kDigits;
    const auto [stop, error] = std::from_chars(request_id.data(), end, number, 16);
    return stop == end && error == std::errc() ? number : 0;
}

bool read_log_line(std::string_view line, LoggedRequest& request) {
    boost::system::error_code error;
    const auto value = boost::json::parse(line, error);
    const auto* object = error ? nullptr : value.if_object();
    if (!object) return false;
    const auto* id = object->if_contains("request_id");
    const auto* epoch = object->if_contains("epoch");
    const auto* slot = object->if_contains("slot");
    if (!id || !epoch || !slot || !id->is_string() || !slot->is_string() || !epoch->is_number()) {
        return false;
    }
    const auto colour = parse_colour(std::string_view(slot->as_string()));
    if (!colour) return false;
    request.id = request_number(id->as_string());
    request.epoch = epoch->to_number<std::uint64_t>();
    request.slot = *colour;
    return true;
}

LogReader::LogReader(const std::string& pipe) {
    if (::mkfifo(pipe.c_str(), 0600) != 0 && errno != EEXIST) {
        throw std::system_error(errno, std::generic_category(), "mkfifo " + pipe);
    }
    // Also for writing: the pipe has no end while the daemon opens its log again.
    fd_ = ::open(pipe.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), pipe);
    ::fcntl(fd_, F_SETPIPE_SZ, 1024 * 1024);
    thread_ = std::thread([this] { run(); });
}

LogReader::~LogReader() {
    finish();
    ::close(fd_);
}

std::vector<LoggedRequest> LogReader::finish() {
    stop_.store(true);
    if (thread_.joinable()) thread_.join();
    return std::exchange(requests_, {});
}

void LogReader::run() {
    std::string text;
    std::vector<char> buffer(256 * 1024);
    for (;;) {
        const ssize_t got = ::read(fd_, buffer.data(), buffer.size());
        if (got <= 0) {
            if (stop_.load()) return;
            pollfd wanted{fd_, POLLIN, 0};
            ::poll(&wanted, 1, 20);
            continue;
        }
        text.append(buffer.data(), static_cast<std::size_t>(got));
        std::size_t begin = 0;
        for (std::size_t end = text.find('\n'); end != std::string::npos;
             end = text.find('\n', begin)) {
            LoggedRequest request;
            if (read_log_line(std::string_view(text).substr(begin, end - begin), request)) {
                requests_.push_back(request);
            }
            begin = end + 1;
        }
        text.erase(0, begin);
        count_.store(requests_.size(), std::memory_order_release);
    }
}

void Epochs::answered(std::string_view request_id, Colour slot, std::size_t first,
                      std::size_t last) {
    answers_[request_number(request_id)] = {static_cast<std::uint32_t>(first),
                                            static_cast<std::uint32_t>(last), slot};
}

void Epochs::compare(const std::vector<LoggedRequest>& log, std::uint64_t first_epoch,
                     Violations& violations) const {
    std::unordered_set<std::uint64_t> seen;
    for (const LoggedRequest& request : log) {
        const auto found = answers_.find(request.id);
        if (found == answers_.end()) continue;  // Nobody got an answer: the client left.
        const Answer& answer = found->second;
        const std::string id = number_text(request.id);
        if (!seen.insert(request.id).second) {
            violations.add("C18", id, "two requests with this id in the access log");
        }
        if (request.slot != answer.slot) {
            violations.add("C2", id,
                           "answered by " + std::string(to_string(answer.slot)) + ", routed to " +
                               std::string(to_string(request.slot)));
        }
        const std::uint64_t first = first_epoch + answer.first;
        const std::uint64_t last = first_epoch + answer.last;
        if (request.epoch < first || request.epoch > last) {
            violations.add("C1", id,
                           "routed in epoch " + std::to_string(request.epoch) + ", but only " +
                               std::to_string(first) + " to " + std::to_string(last) +
                               " were in force in its time");
        }
    }
    for (const auto& [number, answer] : answers_) {
        if (seen.contains(number)) continue;
        violations.add("C18", number_text(number), "answered, but not in the access log");
    }
}

}  // namespace switchyard::bench
