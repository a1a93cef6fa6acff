#include "observe/access_log.hpp"

#include "base/log.hpp"
#include "observe/access_format.hpp"
#include "observe/byte_ring.hpp"
#include "observe/counter.hpp"
#include "observe/log_file.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

#include <spdlog/spdlog.h>

namespace switchyard::observe {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kUsualLine = 4096;  ///< Bytes; a longer line costs a second look.
constexpr milliseconds kFlowPause{50};    ///< Between two batches while lines come in.
constexpr milliseconds kErrorPause{250};  ///< After a failed write.
constexpr milliseconds kIdlePause{500};   ///< Only bounds what a lost wake-up could cost.
constexpr unsigned kQuietRounds = 4;      ///< Empty rounds until the log counts as idle.
constexpr std::chrono::seconds kErrorEvery{10};

/// Wakes the writing thread: an eventfd, and whether that thread went to sleep for long.
class Bell {
  public:
    explicit Bell(int descriptor) noexcept : descriptor_(descriptor) {}
    ~Bell() { ::close(descriptor_); }
    Bell(const Bell&) = delete;
    Bell& operator=(const Bell&) = delete;

    void ring() noexcept { (void)::eventfd_write(descriptor_, 1); }
    void ring_if_idle() noexcept {
        if (idle_.load(std::memory_order_relaxed) && idle_.exchange(false)) ring();
    }
    void set_idle(bool idle) noexcept { idle_.store(idle); }
    void wait(milliseconds longest) noexcept {
        pollfd wanted{descriptor_, POLLIN, 0};
        if (::poll(&wanted, 1, static_cast<int>(longest.count())) > 0) {
            eventfd_t count = 0;
            (void)::eventfd_read(descriptor_, &count);
        }
    }

  private:
    const int descriptor_;
    alignas(kCacheLine) std::atomic<bool> idle_{false};
};

class RingSink final : public AccessSink {
  public:
    RingSink(std::unique_ptr<ByteRing> ring, AccessFormat format, Bell& bell)
        : ring_(std::move(ring)), formatter_(format), bell_(bell) {}

    void write(const AccessRecord& record) noexcept override {
        std::size_t size = formatter_.format(record, ring_->free_space(kUsualLine));
        if (size == 0) {  // Perhaps the reader went on meanwhile.
            size = formatter_.format(record, ring_->free_space(ring_->capacity()));
        }
        if (size == 0) {
            dropped_.add();
            return;
        }
        ring_->publish(size);
        bell_.ring_if_idle();
        const bool past_half = ring_->past_half();
        if (past_half && !was_past_half_) bell_.ring();
        was_past_half_ = past_half;
    }

    [[nodiscard]] ByteRing& ring() noexcept { return *ring_; }
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.get(); }

  private:
    const std::unique_ptr<ByteRing> ring_;
    AccessFormatter formatter_;
    Bell& bell_;
    bool was_past_half_ = false;
    Counter dropped_;
};

/// The rings and the file. Shared with the writing thread, which may outlive the log when its disk
/// hangs.
class Writer {
  public:
    Writer(std::string path, LogFile file, int bell)
        : path_(std::move(path)), file_(std::move(file)), bell_(bell) {}

    Result<void> make_sinks(AccessFormat format, std::size_t workers, std::size_t bytes) {
        for (std::size_t i = 0; i < workers; ++i) {
            auto ring = ByteRing::create(bytes);
            if (!ring) return ring.error();
            sinks_.push_back(std::make_unique<RingSink>(std::move(*ring), format, bell_));
        }
        pieces_.resize(workers);
        return {};
    }

    AccessSink& sink(std::size_t worker) { return *sinks_.at(worker); }

    void reopen() {
        reopen_.store(true, std::memory_order_release);
        bell_.ring();
    }

    void stop() noexcept {
        stopping_.store(true, std::memory_order_release);
        bell_.ring();
    }

    std::uint64_t dropped() const noexcept {
        std::uint64_t total = lost_at_end_.load(std::memory_order_relaxed);
        for (const auto& sink : sinks_)
            total += sink->dropped();
        return total;
    }

    /// The thread.
    void run() {
        // Signals are for the control thread; blocked, SIGPIPE is an EPIPE and no more.
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        ::pthread_setname_np(::pthread_self(), "access-log");

        unsigned quiet = 0;
        while (true) {
            // Both are looked at before the batch: lines that came earlier belong to it.
            const bool stop = stopping_.load(std::memory_order_acquire);
            const bool reopen = reopen_.exchange(false, std::memory_order_acquire);
            const Batch batch = write_batch();
            if (reopen) open_again();
            tell_of_drops();
            if (stop) {
                count_rest();
                next_drops_told_ = {};
                tell_of_drops();
                return;
            }
            if (batch == Batch::failed) {
                bell_.wait(kErrorPause);
                continue;
            }
            quiet = batch == Batch::nothing ? quiet + 1 : 0;
            if (quiet < kQuietRounds) {
                bell_.wait(kFlowPause);
                continue;
            }
            bell_.set_idle(true);
            if (!anything_filled()) bell_.wait(kIdlePause);
            bell_.set_idle(false);
        }
    }

  private:
    enum class Batch : std::uint8_t { nothing, written, failed };

    [[nodiscard]] bool anything_filled() const {
        return std::any_of(sinks_.begin(), sinks_.end(),
                           [](const auto& sink) { return !sink->ring().filled().empty(); });
    }

    /// Writes what the rings hold. What can't be written stays there for the next attempt, so a
    /// line is never torn; when a ring is full its worker drops and counts.
    Batch write_batch() {
        std::size_t wanted = 0;
        for (std::size_t i = 0; i < sinks_.size(); ++i) {
            // The ring where a write broke off goes first: its line must be completed.
            const auto filled = sinks_[(first_ + i) % sinks_.size()]->ring().filled();
            pieces_[i] = {const_cast<char*>(filled.data()), filled.size()};
            wanted += filled.size();
        }
        if (wanted == 0) return Batch::nothing;

        sizes_.clear();
        for (const iovec& piece : pieces_)
            sizes_.push_back(piece.iov_len);
        const LogFile::Written written = file_.write(pieces_, stopping_);
        std::size_t rest = written.bytes;
        std::size_t broke_off = first_;
        for (std::size_t i = 0; i < sizes_.size(); ++i) {
            const std::size_t part = std::min(rest, sizes_[i]);
            RingSink& sink = *sinks_[(first_ + i) % sinks_.size()];
            if (part > 0) {
                mid_line_ = sink.ring().filled()[part - 1] != '\n';
                broke_off = (first_ + i) % sinks_.size();
            }
            sink.ring().consume(part);
            rest -= part;
        }
        first_ = broke_off;
        if (written.error == 0) return Batch::written;
        tell_of_failure(written.error);
        return Batch::failed;
    }

    void open_again() {
        if (path_ == "-") return;
        auto file = LogFile::open(path_);
        if (!file) {
            spdlog::error("access_log_reopen_failed error={} kept=the_old_file",
                          log_value(file.error().message));
            return;
        }
        if (mid_line_) {  // The old file got the beginning of a line; its end would be of no use.
            ByteRing& ring = sinks_[first_]->ring();
            const auto filled = ring.filled();
            const auto end = std::find(filled.begin(), filled.end(), '\n');
            ring.consume(static_cast<std::size_t>(end - filled.begin()) + 1);
            lost_at_end_.fetch_add(1, std::memory_order_relaxed);
            mid_line_ = false;
        }
        file_ = std::move(*file);
        spdlog::info("access_log_reopened path={}", log_value(path_));
    }

    /// At the end: what could not be written counts as dropped.
    void count_rest() {
        for (const auto& sink : sinks_) {
            const auto filled = sink->ring().filled();
            lost_at_end_.fetch_add(
                static_cast<std::uint64_t>(std::count(filled.begin(), filled.end(), '\n')),
                std::memory_order_relaxed);
        }
    }

    void tell_of_failure(int code) {
        const auto now = Clock::now();
        if (now < next_failure_told_) return;
        next_failure_told_ = now + kErrorEvery;
        spdlog::error("access_log_write_failed path={} error={} lines_dropped={}", log_value(path_),
                      log_value(std::generic_category().message(code)), dropped());
    }

    void tell_of_drops() {
        const std::uint64_t total = dropped();
        if (total == drops_told_) return;
        const auto now = Clock::now();
        if (now < next_drops_told_) return;
        next_drops_told_ = now + kErrorEvery;
        spdlog::warn("access_log_lines_dropped lines={} since_start={}", total - drops_told_,
                     total);
        drops_told_ = total;
    }

    const std::string path_;
    LogFile file_;
    Bell bell_;
    std::vector<std::unique_ptr<RingSink>> sinks_;
    std::atomic<bool> stopping_{false};
    std::atomic<bool> reopen_{false};
    std::atomic<std::uint64_t> lost_at_end_{0};

    // The thread's own.
    std::vector<iovec> pieces_;
    std::vector<std::size_t> sizes_;
    std::size_t first_ = 0;
    bool mid_line_ = false;  ///< The file ends in the middle of a line of ring `first_`.
    Clock::time_point next_failure_told_{};
    Clock::time_point next_drops_told_{};
    std::uint64_t drops_told_ = 0;
};

class ThreadedLog final : public AccessLog {
  public:
    explicit ThreadedLog(std::shared_ptr<Writer> writer) : writer_(std::move(writer)) {}

    ~ThreadedLog() override {
        if (!thread_.joinable()) return;
        const bool asked_before = asked_;
        stop();
        if (stopped(asked_before ? milliseconds(0) : milliseconds(kPatience))) {
            thread_.join();
        } else {
            spdlog::error("access_log_stuck hint=\"its disk does not answer; lines are lost\"");
            thread_.detach();
        }
    }

    Result<void> start() {
        try {
            thread_ = std::thread([writer = writer_, ended = ended_]() mutable {
                writer->run();
                writer.reset();
                const std::lock_guard lock(ended->mutex);
                ended->value = true;
                ended->changed.notify_all();
            });
        } catch (const std::system_error& error) {
            return Error(std::string("cannot start the access log's thread: ") + error.what());
        }
        return {};
    }

    AccessSink& sink(std::size_t worker) override { return writer_->sink(worker); }
    void reopen() override { writer_->reopen(); }
    [[nodiscard]] std::uint64_t dropped() const noexcept override { return writer_->dropped(); }

    void stop() noexcept override {
        asked_ = true;
        writer_->stop();
    }
    [[nodiscard]] bool stopped(milliseconds limit) noexcept override {
        std::unique_lock lock(ended_->mutex);
        return ended_->changed.wait_for(lock, limit, [this] { return ended_->value; });
    }

  private:
    struct Ended {
        std::mutex mutex;
        std::condition_variable changed;
        bool value = false;
    };

    const std::shared_ptr<Writer> writer_;
    const std::shared_ptr<Ended> ended_ = std::make_shared<Ended>();
    bool asked_ = false;
    std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& path, AccessFormat format,
                                                   std::size_t workers,
                                                   std::size_t buffer_bytes_per_worker) {
    auto file = LogFile::open(path);
    if (!file) return file.error();
    const int bell = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (bell < 0) {
        return Error("cannot set up the access log: eventfd: " +
                     std::generic_category().message(errno));
    }
    auto writer = std::make_shared<Writer>(path, std::move(*file), bell);
    if (auto made =
            writer->make_sinks(format, std::max<std::size_t>(workers, 1), buffer_bytes_per_worker);
        !made) {
        return made.error();
    }
    auto log = std::make_unique<ThreadedLog>(std::move(writer));
    if (auto started = log->start(); !started) return started.error();
    return std::unique_ptr<AccessLog>(std::move(log));
}

}  // namespace switchyard::observe
