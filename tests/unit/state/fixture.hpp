#pragma once

#include "state/store.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <stdlib.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace switchyard::state {

using namespace std::chrono_literals;

/// A folder of its own for each test, and the store in it.
class StoreTest : public ::testing::Test {
  protected:
    StoreTest() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "switchyard-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) std::abort();
        folder = pattern;
        file = (folder / "state.db").string();
    }
    ~StoreTest() override { std::filesystem::remove_all(folder); }

    std::unique_ptr<Store> open() {
        auto store = Store::open(file);
        EXPECT_TRUE(store.has_value()) << (store ? "" : store.error().message);
        return store ? std::move(*store) : nullptr;
    }

    /// What opening is refused with; empty if it is not.
    std::string refusal() {
        auto store = Store::open(file);
        return store ? "" : store.error().message;
    }

    void write_file(const std::string& bytes) const {
        std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
    }

    [[nodiscard]] std::string read_file() const {
        std::ifstream in(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    /// Runs `body` in a child process, which ends with its result or by a signal; the wait status.
    static int in_child(const std::function<int()>& body) {
        const pid_t pid = ::fork();
        if (pid == 0) ::_exit(body());
        int status = -1;
        EXPECT_EQ(::waitpid(pid, &status, 0), pid);
        return status;
    }

    static ServiceRecord record(Colour live, std::uint64_t epoch) {
        return {live, epoch, WallTime(1'700'000'000'123'456'789ns), other(live)};
    }

    static HistoryEntry entry(const std::string& service, std::uint64_t epoch) {
        HistoryEntry made;
        made.at = WallTime(1'700'000'000'500ms);
        made.service = service;
        made.action = "switch";
        made.uid = 4'000'000'000U;
        made.user = "deploy";
        made.from = Colour::blue;
        made.to = Colour::green;
        made.epoch = epoch;
        made.outcome = "committed";
        made.detail = "a remark";
        made.receipt = R"({"epoch":2})";
        return made;
    }

    std::filesystem::path folder;
    std::string file;
};

}  // namespace switchyard::state
