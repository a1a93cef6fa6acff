#include "admin/print/preview.hpp"

#include "admin/command_line.hpp"
#include "admin/exit_code.hpp"
#include "admin/fields.hpp"
#include "unit/admin/examples.hpp"
#include "unit/admin/fake_daemon.hpp"

#include <sstream>

#include <gmock/gmock.h>

/// The command preview: what is asked, what is said, and the exit code.
namespace switchyard::admin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPass =
    "v1.1772341929.4f1c0a93be.221fb743.EYyCmHWdtjs0vmlJfG8MKeukDj9U3MULd6hnKohwLtw";

struct Outcome {
    int code = -1;
    std::string out;
    std::string err;
};

Outcome run_against(FakeDaemon& daemon, std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--socket", daemon.socket});
    std::ostringstream out;
    std::ostringstream err;
    Outcome outcome;
    outcome.code = run(std::move(arguments), out, err, Screen());
    outcome.out = out.str();
    outcome.err = err.str();
    return outcome;
}

TEST(PrintPreview, ShowsWhatIsSeenHowAndTillWhen) {
    const std::string pass = kPass;
    EXPECT_EQ(print_preview(example_json("preview"), Screen()),
              "Preview of scoreboard: slot green (green-production), v42\n"
              "\n"
              "  link    https://scores.example/?switchyard_preview=" +
                  pass +
                  "\n"
                  "  header  X-Switchyard-Preview: " +
                  pass +
                  "\n"
                  "  curl    curl -H 'X-Switchyard-Preview: " +
                  pass +
                  "' 'https://scores.example/'\n"
                  "\n"
                  "  Valid until 2026-03-01 05:12:09 UTC (2h 0m), for whoever has it. In the "
                  "access log: 4f1c0a93be.\n"
                  "  After a switch it shows blue: always the slot that is idle.\n");
}

TEST(PrintPreview, SaysWhatIsWrongWithIt) {
    json::value answer = example_json("preview");
    json::object& object = answer.as_object();
    object["healthy"] = false;
    object["signed"] = false;
    object["expires_at"] = nullptr;
    object["link"] = nullptr;
    object["host"] = "preview.scores.example";
    object["release"] = nullptr;
    object["slot_name"] = "green";
    EXPECT_THAT(print_preview(answer, Screen()),
                AllOf(HasSubstr("slot green\n"), HasSubstr("NOT HEALTHY: it answers 503"),
                      HasSubstr("NOT PROTECTED: without a secret"), Not(HasSubstr("Valid until")),
                      HasSubstr("link    none: the hosts are patterns only, see preview.url\n"),
                      HasSubstr("cookie  switchyard_preview="),
                      HasSubstr("host    preview.scores.example\n")));
}

TEST(PrintPreview, AnotherDaemonsAnswerSteersNoTerminal) {
    json::value answer = example_json("preview");
    answer.as_object()["slot_name"] = "\x1b[2J";
    answer.as_object()["link"] = "\x1b]0;x\a";
    EXPECT_EQ(print_preview(answer, Screen()).find('\x1b'), std::string::npos);
    EXPECT_FALSE(print_preview(json::value(json::object()), Screen()).empty());
}

TEST(PreviewCommand, AsksForAPass) {
    std::string request;
    FakeDaemon daemon([&](Conversation& with) {
        request = with.request;
        with.answer(200, example("preview"));
    });
    const auto outcome = run_against(daemon, {"preview", "scoreboard", "--for", "1h30m"});
    EXPECT_EQ(outcome.code, kDone);
    EXPECT_THAT(request, HasSubstr("POST /v1/services/scoreboard/preview "));
    EXPECT_THAT(request, HasSubstr(R"({"for_ms":5400000})"));
    EXPECT_THAT(outcome.out, HasSubstr(kPass));
    const auto json_outcome = run_against(daemon, {"preview", "scoreboard", "--json"});
    EXPECT_EQ(json::parse(json_outcome.out), example_json("preview"));
    EXPECT_THAT(request, HasSubstr("\r\n\r\n{}"));
}

TEST(PreviewCommand, RefusesWhatIsNoTime) {
    FakeDaemon daemon([](Conversation& with) { with.answer(200, "{}"); });
    for (const char* text : {"0s", "999ms", "x", "25h", "2"}) {
        const auto outcome = run_against(daemon, {"preview", "scoreboard", "--for", text});
        EXPECT_EQ(outcome.code, kUsage) << text;
        EXPECT_THAT(outcome.err, HasSubstr("is not a duration")) << text;
    }
}

TEST(PreviewCommand, ARefusalIsShown) {
    FakeDaemon daemon([](Conversation& with) {
        with.answer(404, R"({"error":{"code":"no_preview","message":"shop has no preview.",)"
                         R"("hint":"Add it.","details":{}}})");
    });
    const auto outcome = run_against(daemon, {"preview", "shop"});
    EXPECT_EQ(outcome.code, kRefused);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("shop has no preview."), HasSubstr("Add it.")));
}

}  // namespace
}  // namespace switchyard::admin
