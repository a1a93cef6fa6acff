#include "unit/admin/examples.hpp"
#include "unit/admin/fake_daemon.hpp"

#include <array>
#include <stdio.h>
#include <string>

#include <gtest/gtest.h>

/// The completion, in a real bash, with the real program.
namespace switchyard::admin {
namespace {

/// What bash offers for the last of the words.
std::string completed(const std::string& words) {
    const std::string script =
        "bash --norc -c 'source <(\"" SWITCHYARD_PROGRAM
        "\" completion bash); COMP_WORDS=(\"" SWITCHYARD_PROGRAM "\" " +
        words +
        "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _switchyard; echo -n \"${COMPREPLY[*]}\"'";
    FILE* pipe = ::popen(script.c_str(), "r");
    if (pipe == nullptr) return "no bash";
    std::array<char, 4096> bytes{};
    std::string out;
    while (const std::size_t got = ::fread(bytes.data(), 1, bytes.size(), pipe)) {
        out.append(bytes.data(), got);
    }
    return ::pclose(pipe) == 0 ? out : "bash failed: " + out;
}

TEST(Completion, KnowsCommandsOptionsAndSlots) {
    EXPECT_EQ(completed("s"), "status switch");
    EXPECT_EQ(completed("switch --dr"), "--drain-timeout");
    EXPECT_EQ(completed("de"), "deploy");
    EXPECT_EQ(completed("pre"), "preview");
    EXPECT_EQ(completed("preview --for 2h shop \"\""), "");
    EXPECT_EQ(completed("deploy --ver"), "--version");
    EXPECT_EQ(completed("deploy --version v1 --env A=b shop \"\""), "");
    EXPECT_EQ(completed("switch --if-epoch 7 shop \"\""), "blue green");
    EXPECT_EQ(completed("switch shop gr"), "green");
    EXPECT_EQ(completed("completion \"\""), "bash");
    EXPECT_EQ(completed("ip \"\""), "status sync");
    EXPECT_EQ(completed("switch --ip-wait 7s shop \"\""), "blue green");
    EXPECT_EQ(completed("rollback shop \"\""), "");
    EXPECT_EQ(completed("hold --m"), "--max");
    EXPECT_EQ(completed("maintenance --message x shop \"\""), "on off");
}

TEST(Completion, AsksTheDaemonForItsServices) {
    boost::json::value status = example_json("status");
    boost::json::value odd = status.at("services").at(0);
    odd.as_object()["name"] = "$(reboot)";
    status.at("services").as_array().push_back(odd);
    FakeDaemon daemon(
        [&](Conversation& with) { with.answer(200, boost::json::serialize(status)); });
    EXPECT_EQ(completed("--socket " + daemon.socket + " switch \"\""), "scoreboard");
    const SocketFolder nobody;
    EXPECT_EQ(completed("--socket " + nobody.socket + " switch \"\""), "");
}

}  // namespace
}  // namespace switchyard::admin
