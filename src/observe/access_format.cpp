#include "observe/access_format.hpp"

#include "observe/line_writer.hpp"

namespace switchyard::observe {
namespace {

/// null for what did not happen, so that averages over a log stay right.
void write_duration(LineWriter& out, std::int64_t microseconds) noexcept {
    if (microseconds < 0) {
        out.literal("null");
    } else {
        out.number(microseconds);
    }
}

void write_json(LineWriter& out, const AccessRecord& record, std::string_view stamp,
                unsigned milliseconds) noexcept {
    out.literal("{\"time\":\"");
    out.text(stamp);
    out.character(static_cast<char>('0' + milliseconds / 100));
    out.character(static_cast<char>('0' + milliseconds / 10 % 10));
    out.character(static_cast<char>('0' + milliseconds % 10));
    out.literal("Z\",\"client\":\"");
    out.escaped<Escape::json>(record.client);
    out.literal("\",\"method\":\"");
    out.escaped<Escape::json>(record.method);
    out.literal("\",\"target\":\"");
    out.escaped<Escape::json>(record.target);
    out.literal("\",\"host\":\"");
    out.escaped<Escape::json>(record.host);
    out.literal("\",\"protocol\":\"");
    out.escaped<Escape::json>(record.protocol);
    out.literal("\",\"tls\":\"");
    out.escaped<Escape::json>(record.tls);
    out.literal("\",\"status\":");
    out.number(record.status);
    out.literal(",\"outcome\":\"");
    out.text(to_string(record.outcome));
    out.literal("\",\"error\":\"");
    out.escaped<Escape::json>(record.error);
    out.literal("\",\"service\":\"");
    out.escaped<Escape::json>(record.service);
    out.literal("\",\"slot\":\"");
    out.escaped<Escape::json>(record.slot);
    out.literal("\",\"preview\":\"");
    out.escaped<Escape::json>(record.preview);
    out.literal("\",\"upstream\":\"");
    out.escaped<Escape::json>(record.upstream);
    out.literal("\",\"epoch\":");
    out.number(record.epoch);
    out.literal(",\"bytes_received\":");
    out.number(record.bytes_received);
    out.literal(",\"bytes_sent\":");
    out.number(record.bytes_sent);
    out.literal(",\"hold_us\":");
    write_duration(out, record.hold_us);
    out.literal(",\"connect_us\":");
    write_duration(out, record.connect_us);
    out.literal(",\"first_byte_us\":");
    write_duration(out, record.first_byte_us);
    out.literal(",\"total_us\":");
    out.number(record.total_us);
    out.literal(",\"retries\":");
    out.number(record.retries);
    out.literal(",\"request_id\":\"");
    out.escaped<Escape::json>(record.request_id);
    out.literal("\",\"referer\":\"");
    out.escaped<Escape::json>(record.referer);
    out.literal("\",\"user_agent\":\"");
    out.escaped<Escape::json>(record.user_agent);
    out.literal("\"}\n");
}

template <Escape kind>
void write_or_dash(LineWriter& out, std::string_view text) noexcept {
    if (text.empty()) {
        out.character('-');
    } else {
        out.escaped<kind>(text);
    }
}

void write_duration_or_dash(LineWriter& out, std::int64_t microseconds) noexcept {
    if (microseconds < 0) {
        out.character('-');
    } else {
        out.number(microseconds);
    }
}

void write_combined(LineWriter& out, const AccessRecord& record, std::string_view stamp) noexcept {
    write_or_dash<Escape::token>(out, record.client);
    out.literal(" - - [");
    out.text(stamp);
    out.literal("] \"");
    write_or_dash<Escape::token>(out, record.method);
    out.character(' ');
    write_or_dash<Escape::token>(out, record.target);
    out.character(' ');
    write_or_dash<Escape::token>(out, record.protocol);
    out.literal("\" ");
    out.number(record.status);
    out.character(' ');
    out.number(record.bytes_sent);
    out.literal(" \"");
    write_or_dash<Escape::quoted>(out, record.referer);
    out.literal("\" \"");
    write_or_dash<Escape::quoted>(out, record.user_agent);
    out.literal("\" host=\"");
    write_or_dash<Escape::quoted>(out, record.host);
    out.literal("\" tls=\"");
    write_or_dash<Escape::quoted>(out, record.tls);
    out.literal("\" outcome=");
    out.text(to_string(record.outcome));
    out.literal(" error=\"");
    write_or_dash<Escape::quoted>(out, record.error);
    out.literal("\" service=\"");
    write_or_dash<Escape::quoted>(out, record.service);
    out.literal("\" slot=\"");
    write_or_dash<Escape::quoted>(out, record.slot);
    out.literal("\" preview=\"");
    write_or_dash<Escape::quoted>(out, record.preview);
    out.literal("\" upstream=\"");
    write_or_dash<Escape::quoted>(out, record.upstream);
    out.literal("\" epoch=");
    out.number(record.epoch);
    out.literal(" bytes_received=");
    out.number(record.bytes_received);
    out.literal(" hold_us=");
    write_duration_or_dash(out, record.hold_us);
    out.literal(" connect_us=");
    write_duration_or_dash(out, record.connect_us);
    out.literal(" first_byte_us=");
    write_duration_or_dash(out, record.first_byte_us);
    out.literal(" total_us=");
    out.number(record.total_us);
    out.literal(" retries=");
    out.number(record.retries);
    out.literal(" request_id=\"");
    write_or_dash<Escape::quoted>(out, record.request_id);
    out.literal("\"\n");
}

char* two_digits(char* at, unsigned value) noexcept {
    *at++ = static_cast<char>('0' + value / 10 % 10);
    *at++ = static_cast<char>('0' + value % 10);
    return at;
}

}  // namespace

void AccessFormatter::remember(std::int64_t second) noexcept {
    using namespace std::chrono;
    const sys_seconds time{seconds(second)};
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(time - day);
    const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
    const auto month = static_cast<unsigned>(date.month());
    const auto day_of_month = static_cast<unsigned>(date.day());
    const auto hours = static_cast<unsigned>(clock.hours().count());
    const auto minutes = static_cast<unsigned>(clock.minutes().count());
    const auto whole_seconds = static_cast<unsigned>(clock.seconds().count());

    char* at = stamp_.data();
    if (format_ == AccessFormat::json) {  // 2026-03-01T03:12:09.
        at = two_digits(two_digits(at, year / 100), year);
        *at++ = '-';
        at = two_digits(at, month);
        *at++ = '-';
        at = two_digits(at, day_of_month);
        *at++ = 'T';
    } else {  // 01/Mar/2026:03:12:09 +0000
        static constexpr char kMonths[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        at = two_digits(at, day_of_month);
        *at++ = '/';
        for (unsigned i = 0; i < 3; ++i)
            *at++ = kMonths[(month - 1) * 3 + i];
        *at++ = '/';
        at = two_digits(two_digits(at, year / 100), year);
        *at++ = ':';
    }
    at = two_digits(at, hours);
    *at++ = ':';
    at = two_digits(at, minutes);
    *at++ = ':';
    at = two_digits(at, whole_seconds);
    for (const char c : std::string_view(format_ == AccessFormat::json ? "." : " +0000"))
        *at++ = c;
    stamp_size_ = static_cast<std::size_t>(at - stamp_.data());
    second_ = second;
    has_second_ = true;
}

std::size_t AccessFormatter::format(const AccessRecord& record, std::span<char> space) noexcept {
    const auto milliseconds =
        std::chrono::floor<std::chrono::milliseconds>(record.start).time_since_epoch();
    const auto second = std::chrono::floor<std::chrono::seconds>(milliseconds);
    if (!has_second_ || second.count() != second_) remember(second.count());

    LineWriter out(space);
    const std::string_view stamp(stamp_.data(), stamp_size_);
    if (format_ == AccessFormat::json) {
        write_json(out, record, stamp, static_cast<unsigned>((milliseconds - second).count()));
    } else {
        write_combined(out, record, stamp);
    }
    return out.fits() ? out.size() : 0;
}

}  // namespace switchyard::observe
