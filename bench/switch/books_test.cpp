#include "bench/switch/books.hpp"

#include <gtest/gtest.h>

namespace switchyard::bench {
namespace {

ClientBooks ten_requests() {
    ClientBooks clients;
    clients.accepted = 10;
    clients.completed = 9;
    clients.client_abort = 1;
    clients.completed_by_slot = {4, 5};
    clients.client_abort_by_slot = {0, 1};
    return clients;
}

AllBooks matching() {
    AllBooks books;
    books.proxy.emplace();
    books.proxy->all = {10, 9, 1, 0, 0, 0};
    books.proxy->slots[0] = {4, 4, 0, 0, 0, 0};
    books.proxy->slots[1] = {6, 5, 1, 0, 0, 0};
    books.origins[0] = OriginBooks{4, 4, 0, 0, 0};
    books.origins[1] = OriginBooks{6, 5, 1, 0, 0};
    return books;
}

AllBooks empty() {
    AllBooks books;
    books.proxy.emplace();
    books.origins[0].emplace();
    books.origins[1].emplace();
    return books;
}

std::uint64_t faults(const ClientBooks& clients, const AllBooks& after) {
    Violations violations;
    compare_books("bench", clients, empty(), after, violations);
    return violations.counts().contains("C18") ? violations.counts().at("C18") : 0;
}

TEST(Books, ThatAgreeAreNoViolation) {
    EXPECT_EQ(faults(ten_requests(), matching()), 0U);
}

TEST(Books, AreComparedFromTheBeginningOfTheRun) {
    AllBooks before = matching();
    AllBooks after = matching();
    after.proxy->all = {20, 18, 2, 0, 0, 0};
    after.proxy->slots[0] = {8, 8, 0, 0, 0, 0};
    after.proxy->slots[1] = {12, 10, 2, 0, 0, 0};
    after.origins[0] = OriginBooks{8, 8, 0, 0, 0};
    after.origins[1] = OriginBooks{12, 10, 2, 0, 0};
    Violations violations;
    compare_books("bench", ten_requests(), before, after, violations);
    EXPECT_EQ(violations.total(), 0U);
}

TEST(Books, ARequestThatTheProxyLostIsAViolation) {
    AllBooks after = matching();
    --after.proxy->all.completed;
    EXPECT_EQ(faults(ten_requests(), after), 2U) << "the count differs and the sum does not add up";
}

TEST(Books, ARequestOnTheWrongSlotIsAViolation) {
    AllBooks after = matching();
    --after.origins[0]->answered;
    ++after.origins[1]->answered;
    EXPECT_EQ(faults(ten_requests(), after), 2U);
}

TEST(Books, AnIllegalRequestAtTheOriginIsAViolation) {
    AllBooks after = matching();
    after.origins[0]->malformed = 1;
    EXPECT_EQ(faults(ten_requests(), after), 1U);
}

TEST(Books, AProxyWithoutBooksIsAViolation) {
    AllBooks after = matching();
    after.proxy.reset();
    EXPECT_EQ(faults(ten_requests(), after), 1U);
}

}  // namespace
}  // namespace switchyard::bench
