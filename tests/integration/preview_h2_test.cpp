// The preview of the idle slot for clients that speak HTTP/2, as browsers do: cookies come in
// crumbs, names of fields in lower case.
#include "conformance/h2_wire.hpp"

#include <fstream>
#include <string>
#include <sys/stat.h>

namespace switchyard::test {
namespace {

class PreviewH2 : public H2Wire {
  protected:
    void start_preview() {
        std::ofstream(secrets_.file("preview")) << "integration-secret-integration-secret\n";
        ASSERT_EQ(::chmod(secrets_.file("preview").c_str(), 0600), 0);
        start_wire("    preview: {secret_file: \"" + secrets_.file("preview") + "\"}\n");
    }
    [[nodiscard]] std::string pass() const {
        const auto answer = admin().post("/v1/services/app/preview", {});
        EXPECT_EQ(answer.status, 200) << answer.response.body;
        return std::string(answer.json().at("pass").as_string());
    }

  private:
    TempDir secrets_;
};
INSTANTIATE_TEST_SUITE_P(Over, PreviewH2, both_transports(), transport_name);

TEST_P(PreviewH2, C16_FromTheLinkOverTheCookieToTheOtherSlotAfterASwitch) {
    start_preview();
    const auto entered = ask("GET", "/a?x=1&switchyard_preview=" + pass());
    EXPECT_EQ(entered.status, 303);
    EXPECT_EQ(entered.field("location"), "/a?x=1");
    const auto cookie = entered.field("set-cookie").value_or("");
    EXPECT_EQ(cookie.find("; Secure") != std::string::npos, GetParam() == Transport::h2);
    const auto crumb = cookie.substr(0, cookie.find(';'));
    auto browser = come_in();
    const auto visit = [&] {
        return browser.exchange("GET", "/a",
                                {{"cookie", "a=1"}, {"cookie", crumb}, {"cookie", "b=2"}});
    };
    const auto previewed = visit();
    EXPECT_EQ(colour_of(previewed), "green");
    EXPECT_EQ(previewed.field("x-served-by"), "green; preview");
    EXPECT_EQ(previewed.field("cache-control"), "private, no-store");
    EXPECT_EQ(previewed.field("x-robots-tag"), "noindex");
    // The same connection, without the cookie: every stream decides for itself.
    EXPECT_EQ(colour_of(browser.exchange("GET", "/a")), "blue");
    switch_to(Colour::green);
    EXPECT_EQ(colour_of(visit()), "blue") << "the preview means the slot that is idle now";
    EXPECT_EQ(colour_of(browser.exchange("GET", "/a")), "green");
    EXPECT_TRUE(browser.goaways().empty());
}

TEST_P(PreviewH2, NothingOfItReachesTheApplication) {
    start_preview();
    const auto good = pass();
    for (const std::string& text : {good, good + "x"}) {
        const auto echo = ask("PUT", "/echo?a=1&switchyard_preview=" + text,
                              {{"cookie", "a=1"},
                               {"x-switchyard-preview", text},
                               {"cookie", "switchyard_preview=" + text},
                               {"cookie", "b=2"}});
        ASSERT_EQ(echo.status, 200) << echo.body;
        EXPECT_EQ(echo.field("x-served-by"), text == good ? "green; preview" : "blue");
        EXPECT_EQ(echo.body.find("preview"), std::string::npos) << echo.body;
        EXPECT_EQ(seen(echo, "cookie"), Strings{"a=1; b=2"});
    }
}

TEST_P(PreviewH2, C16_NothingOfItReachesTheApplicationInTrailersEither) {
    start_preview();
    const auto good = pass();
    for (const bool in_head : {false, true}) {
        auto client = come_in();
        Fields fields;
        if (in_head) fields = {{"x-switchyard-preview", good}};
        const auto id = client.open(h2_request("PUT", "/echo", fields), false);
        client.send_data(id, "hello");
        client.send(headers(id, {{"x-checksum", "abc"},
                                 {"x-switchyard-preview", good},
                                 {"x_switchyard_preview", good},
                                 {"cookie", "switchyard_preview=" + good}}));
        const auto& echo = client.wait(id).response;
        ASSERT_EQ(echo.status, 200) << echo.body;
        EXPECT_EQ(colour_of(echo), in_head ? "green" : "blue") << "a trailer opens nothing";
        EXPECT_EQ(seen_text(echo, "trailers"), "x-checksum: abc\r\n");
        EXPECT_EQ(echo.body.find("preview"), std::string::npos) << echo.body;
    }
}

}  // namespace
}  // namespace switchyard::test
