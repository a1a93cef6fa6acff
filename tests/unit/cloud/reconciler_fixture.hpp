#pragma once

#include "cloud/reconciler.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

/// A reconciler with a manual clock, and the API's part played by the test.
namespace switchyard::cloud {

using namespace std::chrono_literals;
using Step = Reconciler::Step;
using Drift = config::ReservedIp::Drift;

inline constexpr std::uint64_t kBlue = 3'164'444;
inline constexpr std::uint64_t kGreen = 9'000'000'000;
inline constexpr std::uint64_t kOther = 5;

class ReconcilerTest : public testing::Test {
  protected:
    ReconcilerTest() : reconciler_(config::ReservedIp(), 1) {}

    /// Lets time pass until something is asked; fails if nothing is within an hour.
    Reconciler::Next step() {
        for (;;) {
            const Reconciler::Next next = reconciler_.advance(now_);
            if (next.step != Step::wait) return next;
            if (next.until > now_ + 1h) {
                ADD_FAILURE() << "nothing is going to happen";
                return next;
            }
            waited_ += next.until - now_;
            now_ = next.until;
        }
    }
    /// What is asked next, and how long that took.
    void expect(Step wanted, Steady::duration least = {}, Steady::duration most = 1h) {
        waited_ = {};
        const Reconciler::Next next = step();
        EXPECT_EQ(next.step, wanted);
        EXPECT_GE(waited_, least);
        EXPECT_LE(waited_, most);
        asked_ = next.id;
    }
    void sees(std::optional<std::uint64_t> droplet, bool locked = false) {
        reconciler_.looked(IpView{droplet, true, locked, "nyc3"}, now_);
    }
    void action(ActionStatus status) { reconciler_.polled(ActionView{42, status, "word"}, now_); }
    void accepted() {
        reconciler_.assigned(ActionView{42, ActionStatus::in_progress, "in-progress"}, now_);
    }
    static Failure failure(Failure::Kind kind, bool sent = true) {
        Failure failure;
        failure.kind = kind;
        failure.message = std::string(to_string(kind));
        failure.sent = sent;
        return failure;
    }
    void want(std::uint64_t droplet) { reconciler_.want({droplet, ++epoch_}, now_); }
    /// The IP is at blue, and has been looked at.
    void settle() {
        want(kBlue);
        expect(Step::look);
        sees(kBlue);
        EXPECT_EQ(reconciler_.state(), State::following);
        (void)reconciler_.take_notes();
    }
    /// settle(), then green is wanted and asked for.
    void move() {
        settle();
        want(kGreen);
        expect(Step::look, 0s, 0s);
        sees(kBlue);
        expect(Step::assign, 0s, 0s);
        EXPECT_EQ(asked_, kGreen);
    }
    std::vector<Note::Kind> notes() {
        std::vector<Note::Kind> kinds;
        for (const Note& note : reconciler_.take_notes())
            kinds.push_back(note.kind);
        return kinds;
    }
    void rules(Drift drift) {
        config::ReservedIp rules;
        rules.drift = drift;
        reconciler_.set_rules(rules, now_);
    }

    Reconciler reconciler_;
    Steady::time_point now_{1h};
    Steady::duration waited_{};
    std::uint64_t asked_ = 0;
    std::uint64_t epoch_ = 0;
};

}  // namespace switchyard::cloud
