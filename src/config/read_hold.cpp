// What holds a service's requests, or turns them away, for a while.
#include "config/error_page.hpp"
#include "config/read.hpp"

namespace switchyard::config {

void read_hold(Section& section, Hold& hold) {
    section.duration("wait", hold.wait, 1ms, 1h);
    section.duration("max", hold.max, 1ms, 24h);
    section.number("requests", hold.requests, 1, 10'000'000);
    section.size("bytes", hold.bytes, kMiB, 64 * 1024 * kMiB);
    if (hold.wait > hold.max) {
        section.problem(section.mark(section.has("max") ? "max" : "wait"),
                        section.has("max") ? "max" : "wait",
                        "a request may wait for " + format_duration(hold.wait) +
                            " ('wait'), but no hold may last longer than " +
                            format_duration(hold.max) + " ('max')");
    }
}

void read_maintenance(Section& section, Maintenance& maintenance) {
    section.duration("retry_after", maintenance.retry_after, 1s, 24h);
    const Value* page = section.value("page");
    if (page == nullptr || !section.is_scalar(*page, "page") || page->text.empty()) return;
    auto text = read_error_page(section.reader().resolve(page->text));
    if (!text) {
        section.problem(page->mark, "page", text.error().message);
        return;
    }
    maintenance.page = *std::move(text);
}

}  // namespace switchyard::config
