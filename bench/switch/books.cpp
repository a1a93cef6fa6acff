#include "bench/switch/books.hpp"

namespace switchyard::bench {
namespace {

std::uint64_t number(const boost::json::object& object, const char* key) {
    const auto* found = object.if_contains(key);
    return found && found->is_number() ? found->to_number<std::uint64_t>() : 0;
}

std::optional<ProxyPage> read_page(const boost::json::object& owner) {
    const auto* found = owner.if_contains("books");
    const auto* books = found ? found->if_object() : nullptr;
    if (!books) return std::nullopt;
    return ProxyPage{number(*books, "accepted"),     number(*books, "completed"),
                     number(*books, "client_abort"), number(*books, "upstream_error"),
                     number(*books, "refused"),      number(*books, "cut")};
}

class Comparison {
  public:
    Comparison(const std::string& service, Violations& violations)
        : service_(service), violations_(violations) {}

    void equal(const std::string& what, std::uint64_t clients, const std::string& whose,
               std::uint64_t theirs) {
        if (clients == theirs) return;
        violations_.add("C18", "-",
                        service_ + ", " + what + ": the clients count " + std::to_string(clients) +
                            ", " + whose + " " + std::to_string(theirs));
    }

  private:
    const std::string& service_;
    Violations& violations_;
};

void compare_proxy(const std::string& service, const ClientBooks& clients, const ProxyBooks& before,
                   const ProxyBooks& after, Violations& violations) {
    Comparison compare(service, violations);
    const ProxyPage all = after.all - before.all;
    compare.equal("requests", clients.accepted, "the proxy", all.accepted);
    compare.equal("completed", clients.completed, "the proxy", all.completed);
    compare.equal("left by the client", clients.client_abort, "the proxy", all.client_abort);
    compare.equal("failed", clients.failed, "the proxy",
                  all.upstream_error + all.refused + all.cut);
    if (after.all.accepted != after.all.ended())
        violations.add("C18", "-",
                       "the proxy accepted " + std::to_string(after.all.accepted) +
                           " requests and ended " + std::to_string(after.all.ended()));
    for (const Colour colour : kColours) {
        const std::size_t i = index_of(colour);
        const ProxyPage slot = after.slots[i] - before.slots[i];
        const std::string name(to_string(colour));
        compare.equal("completed by " + name, clients.completed_by_slot[i], "the proxy",
                      slot.completed);
        compare.equal("left while " + name + " answered", clients.client_abort_by_slot[i],
                      "the proxy", slot.client_abort);
    }
}

}  // namespace

std::optional<ProxyBooks> read_proxy_books(const boost::json::object& service) {
    const auto all = read_page(service);
    if (!all) return std::nullopt;
    ProxyBooks books;
    books.all = *all;
    for (const Colour colour : kColours) {
        const auto* slot = service.at("slots").as_object().if_contains(to_string(colour));
        if (slot && slot->is_object())
            books.slots[index_of(colour)] = read_page(slot->as_object()).value_or(ProxyPage{});
    }
    return books;
}

OriginBooks read_origin_books(const boost::json::value& count,
                              std::span<const std::string_view> used) {
    OriginBooks books;
    books.malformed = number(count.as_object(), "malformed");
    const auto& paths = count.at("paths").as_object();
    for (const std::string_view path : used) {
        const auto* found = paths.if_contains(path);
        if (!found) continue;
        books.started += number(found->as_object(), "started");
        books.answered += number(found->as_object(), "answered");
        books.aborted += number(found->as_object(), "aborted");
        books.in_flight += number(found->as_object(), "in_flight");
    }
    return books;
}

void compare_books(const std::string& service, const ClientBooks& clients, const AllBooks& before,
                   const AllBooks& after, Violations& violations) {
    if (clients.accepted != clients.completed + clients.client_abort + clients.failed)
        violations.add(
            "C18", "-",
            "the clients began " + std::to_string(clients.accepted) + " requests and ended " +
                std::to_string(clients.completed + clients.client_abort + clients.failed));
    if (before.proxy && after.proxy)
        compare_proxy(service, clients, *before.proxy, *after.proxy, violations);
    else
        violations.add("C18", "-", "the proxy's status has no books");

    Comparison compare(service, violations);
    for (const Colour colour : kColours) {
        const std::size_t i = index_of(colour);
        if (!before.origins[i] || !after.origins[i]) continue;
        const OriginBooks origin = *after.origins[i] - *before.origins[i];
        const std::string name(to_string(colour));
        compare.equal("completed by " + name, clients.completed_by_slot[i], "the origin",
                      origin.answered);
        compare.equal("left while " + name + " answered", clients.client_abort_by_slot[i],
                      "the origin", origin.aborted);
        if (origin.malformed != 0)
            violations.add("C18", "-",
                           name + " got " + std::to_string(origin.malformed) +
                               " requests that are no legal HTTP");
    }
}

ProxyPage operator-(const ProxyPage& a, const ProxyPage& b) noexcept {
    return {a.accepted - b.accepted,         a.completed - b.completed,
            a.client_abort - b.client_abort, a.upstream_error - b.upstream_error,
            a.refused - b.refused,           a.cut - b.cut};
}

OriginBooks operator-(const OriginBooks& a, const OriginBooks& b) noexcept {
    return {a.started - b.started, a.answered - b.answered, a.aborted - b.aborted,
            a.malformed - b.malformed, a.in_flight};
}

}  // namespace switchyard::bench
