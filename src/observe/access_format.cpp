#include "observe/access_format.hpp"

#include "observe/line_writer.hpp"

#include <algorithm>
#include <array>

namespace switchyard::observe {
namespace {

// A line is made between a request and the next, where nothing of this is in the caches any more:
// what counts is how little code there is. So the fields are tables that short loops go through.

template <typename Value>
struct Field {
    Label label;  ///< With what ends the field before it.
    Value AccessRecord::*value;
};
using Text = Field<std::string_view>;
using Duration = Field<std::int64_t>;

constexpr std::array kClient{
    Text{"Z\",\"client\":\"", &AccessRecord::client},
    Text{"\",\"method\":\"", &AccessRecord::method},
    Text{"\",\"target\":\"", &AccessRecord::target},
    Text{"\",\"host\":\"", &AccessRecord::host},
    Text{"\",\"protocol\":\"", &AccessRecord::protocol},
    Text{"\",\"tls\":\"", &AccessRecord::tls},
};
constexpr std::array kService{
    Text{"\",\"error\":\"", &AccessRecord::error},
    Text{"\",\"service\":\"", &AccessRecord::service},
    Text{"\",\"slot\":\"", &AccessRecord::slot},
    Text{"\",\"preview\":\"", &AccessRecord::preview},
    Text{"\",\"upstream\":\"", &AccessRecord::upstream},
};
constexpr std::array kDurations{
    Duration{",\"hold_us\":", &AccessRecord::hold_us},
    Duration{",\"connect_us\":", &AccessRecord::connect_us},
    Duration{",\"first_byte_us\":", &AccessRecord::first_byte_us},
};
constexpr std::array kRequest{
    Text{",\"request_id\":\"", &AccessRecord::request_id},
    Text{"\",\"referer\":\"", &AccessRecord::referer},
    Text{"\",\"user_agent\":\"", &AccessRecord::user_agent},
};
constexpr Label kStatus = "\",\"status\":";
constexpr Label kOutcome = ",\"outcome\":\"";
constexpr Label kEpoch = "\",\"epoch\":";
constexpr Label kReceived = ",\"bytes_received\":";
constexpr Label kSent = ",\"bytes_sent\":";
constexpr Label kTotal = ",\"total_us\":";
constexpr Label kRetries = ",\"retries\":";

[[gnu::noinline]] void write_texts(LineWriter& out, const AccessRecord& record,
                                   std::span<const Text> fields) noexcept {
    for (const Text& field : fields) {
        out.label(field.label);
        const std::string_view value = record.*field.value;
        if (!value.empty()) out.escaped<Escape::json>(value);
    }
}

[[gnu::noinline]] void write_number(LineWriter& out, const Label& label,
                                    std::uint64_t value) noexcept {
    out.label(label);
    out.number(value);
}

/// null for what did not happen, so that averages over a log stay right.
void write_durations(LineWriter& out, const AccessRecord& record) noexcept {
    for (const Duration& field : kDurations) {
        const std::int64_t value = record.*field.value;
        if (value >= 0) {
            write_number(out, field.label, static_cast<std::uint64_t>(value));
        } else {
            out.label(field.label);
            out.literal("null");
        }
    }
}

[[gnu::noinline]] void write_json(LineWriter& out, const AccessRecord& record,
                                  std::string_view stamp, unsigned milliseconds) noexcept {
    out.literal("{\"time\":\"");
    out.text(stamp);
    const std::array<char, 3> digits{static_cast<char>('0' + milliseconds / 100),
                                     static_cast<char>('0' + milliseconds / 10 % 10),
                                     static_cast<char>('0' + milliseconds % 10)};
    out.text({digits.data(), digits.size()});
    write_texts(out, record, kClient);
    write_number(out, kStatus, record.status);
    out.label(kOutcome);
    out.text(to_string(record.outcome));
    write_texts(out, record, kService);
    write_number(out, kEpoch, record.epoch);
    write_number(out, kReceived, record.bytes_received);
    write_number(out, kSent, record.bytes_sent);
    write_durations(out, record);
    write_number(out, kTotal,
                 static_cast<std::uint64_t>(std::max<std::int64_t>(record.total_us, 0)));
    write_number(out, kRetries, record.retries);
    write_texts(out, record, kRequest);
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

[[gnu::noinline]] void write_combined(LineWriter& out, const AccessRecord& record,
                                      std::string_view stamp) noexcept {
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
