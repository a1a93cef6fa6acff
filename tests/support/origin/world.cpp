#include "support/origin/world.hpp"

#include <map>
#include <unistd.h>

#include <boost/json.hpp>

namespace switchyard::origin {
namespace {

boost::json::object to_json(const TallyValues& values) {
    return {{"started", values.started},
            {"received", values.received},
            {"answered", values.answered},
            {"spoilt", values.spoilt},
            {"aborted", values.aborted},
            {"in_flight", values.started - values.answered - values.spoilt - values.aborted}};
}

}  // namespace

std::string World::books_json() const {
    std::map<std::string, TallyValues> sums;
    std::uint64_t connections = 0, open = 0, malformed = 0, cut_heads = 0, stale_hits = 0;
    for (const auto& one : books) {
        one->add_to(sums);
        connections += one->connections.load(std::memory_order_relaxed);
        open += one->open.load(std::memory_order_relaxed);
        malformed += one->malformed.load(std::memory_order_relaxed);
        cut_heads += one->cut_heads.load(std::memory_order_relaxed);
        stale_hits += one->stale_hits.load(std::memory_order_relaxed);
    }
    TallyValues total;
    boost::json::object paths;
    for (const auto& [path, values] : sums) {
        if (values.started == 0) continue;
        paths[path] = to_json(values);
        total.started += values.started;
        total.received += values.received;
        total.answered += values.answered;
        total.spoilt += values.spoilt;
        total.aborted += values.aborted;
    }
    const boost::json::object all{{"colour", to_string(colour)},
                                  {"name", name},
                                  {"pid", static_cast<std::int64_t>(::getpid())},
                                  {"connections", connections},
                                  {"open", open},
                                  {"malformed", malformed},
                                  {"cut_heads", cut_heads},
                                  {"stale_hits", stale_hits},
                                  {"total", to_json(total)},
                                  {"paths", paths}};
    return boost::json::serialize(all) + "\n";
}

void World::reset_books() {
    for (auto& one : books)
        one->reset();
}

}  // namespace switchyard::origin
