#pragma once

#include "base/error.hpp"
#include "observe/outcome.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace switchyard::observe {

/// One request, as views that are valid during the call only. Durations in microseconds; -1: did
/// not happen.
struct AccessRecord {
    std::chrono::system_clock::time_point start;
    std::string_view client;  ///< Address without port.
    std::string_view method;
    std::string_view target;  ///< Request target as received.
    std::string_view host;
    std::string_view protocol;  ///< "HTTP/1.1"
    std::string_view tls;       ///< "TLSv1.3", or empty.
    std::string_view service;
    std::string_view slot;      ///< "blue", "green", or empty.
    std::string_view preview;   ///< Id of the pass to the idle slot, or empty: no preview.
    std::string_view upstream;  ///< Address of the target.
    std::string_view request_id;
    std::string_view referer;
    std::string_view user_agent;
    std::string_view error;  ///< X-Switchyard-Error code, or empty.
    std::uint64_t epoch = 0;
    unsigned status = 0;               ///< 0: no head was sent.
    std::uint64_t bytes_received = 0;  ///< Body, from the client.
    std::uint64_t bytes_sent = 0;      ///< Head and body, to the client.
    std::int64_t hold_us = -1;
    std::int64_t connect_us = -1;
    std::int64_t first_byte_us = -1;
    std::int64_t total_us = 0;
    unsigned retries = 0;
    Outcome outcome = Outcome::completed;
};

/// json: one object a line. The fields, always all of them, in this order: time (RFC 3339, UTC,
/// milliseconds; the request's start), client, method, target, host, protocol, tls, status,
/// outcome, error, service, slot, preview, upstream, epoch, bytes_received, bytes_sent, hold_us,
/// connect_us, first_byte_us, total_us, retries, request_id, referer, user_agent: as in
/// AccessRecord. A text that there is none of is "", a duration that did not happen is null. Bytes
/// that are not UTF-8 become the text \xHH. combined: the combined format of the Apache server,
/// then the other fields as key=value; texts stand in double quotes, what there is none of is -,
/// other bytes than printable ASCII are \xHH. docs/operations.md shows both.
enum class AccessFormat : std::uint8_t { json, combined };

/// Where a worker puts its lines: formats into a ring of fixed size that the log's own thread
/// empties. Never blocks, never allocates; a line that does not fit is dropped and counted.
/// One thread writes.
class AccessSink {
  public:
    virtual ~AccessSink() = default;
    virtual void write(const AccessRecord& record) noexcept = 0;
};

/// The access log: one file (or standard output), a sink a worker, one writing thread. Start,
/// stop, reopen from the control thread; sinks from their workers.
class AccessLog {
  public:
    /// Opens PATH for appending ("-": standard output) and starts the thread.
    static Result<std::unique_ptr<AccessLog>> open(const std::string& path, AccessFormat format,
                                                   std::size_t workers,
                                                   std::size_t buffer_bytes_per_worker);

    /// Writes what is buffered, then closes: as stop(), and a thread that has not ended after
    /// kPatience is left to itself.
    virtual ~AccessLog() = default;

    /// How long the end of a log is waited for: a disk may hang, and nothing can end a write to it.
    static constexpr std::chrono::seconds kPatience{3};

    /// Asks the thread to write what is buffered and to end. Returns at once. No sink may be
    /// written to any more.
    virtual void stop() noexcept = 0;
    /// Whether the thread has ended; after stop(), waits up to `limit` for that.
    [[nodiscard]] virtual bool stopped(std::chrono::milliseconds limit) noexcept = 0;

    /// Belongs to the log; valid as long as the log.
    [[nodiscard]] virtual AccessSink& sink(std::size_t worker) = 0;

    /// Asks the thread to write what it has, then close and open the file again (SIGUSR1). Returns
    /// at once; if the file can't be opened, the old one stays and an error is logged.
    virtual void reopen() = 0;

    /// Lines dropped since the start because a ring was full or the file could not be written.
    [[nodiscard]] virtual std::uint64_t dropped() const noexcept = 0;
};

}  // namespace switchyard::observe
