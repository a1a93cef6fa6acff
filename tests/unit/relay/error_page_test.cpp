#include "relay/error_page.hpp"

#include <map>
#include <memory>
#include <string>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace switchyard::relay {
namespace {

TEST(PrefersJson, GoesByTheOrderOfAccept) {
    for (const char* accept : {"application/json", "Application/JSON", "application/json, */*",
                               "application/json;q=0.9, text/html", "application/problem+json",
                               "text/html;q=0, application/json", "text/plain, application/json"}) {
        EXPECT_TRUE(prefers_json(accept)) << accept;
    }
    for (const char* accept :
         {"", "*/*", "text/html", "text/html, application/json",
          "application/xhtml+xml,application/json", "image/png", "application/json;q=0",
          "application/json;q=0, text/html", "application/jsonp", ",,;;,"}) {
        EXPECT_FALSE(prefers_json(accept)) << accept;
    }
    EXPECT_TRUE(prefers_json("application/json;q=0.1"));
}

const std::map<unsigned, config::ErrorPage> kNone;

TEST(ErrorPage, InJsonSaysWhatHappened) {
    std::string body = "old";
    EXPECT_EQ(make_error_page(body, 502, "upstream_closed", "id-1", true, kNone),
              "application/json");
    const auto json = boost::json::parse(body);
    const auto& error = json.at("error").as_object();
    EXPECT_EQ(error.at("status").to_number<int>(), 502);
    EXPECT_EQ(error.at("code").as_string(), "upstream_closed");
    EXPECT_EQ(error.at("request_id").as_string(), "id-1");
    EXPECT_FALSE(error.at("message").as_string().empty());
}

TEST(ErrorPage, InHtmlSaysWhatHappened) {
    std::string body = "old";
    EXPECT_EQ(make_error_page(body, 504, "response_timeout", "id-1", false, kNone),
              "text/html; charset=utf-8");
    for (const char* part :
         {"<!doctype html>", "504", "Gateway Timeout", "response_timeout", "id-1"}) {
        EXPECT_NE(body.find(part), std::string::npos) << part;
    }
    EXPECT_EQ(body.find("{{"), std::string::npos);
    EXPECT_EQ(body.find("old"), std::string::npos);
}

TEST(ErrorPage, ANoteIsSaidInBothFormsAndNeverOnThePageOfSomebodyElse) {
    const std::map<unsigned, config::ErrorPage> own = {{0, {"<p>ours</p>"}}};
    std::string body;
    make_error_page(body, 503, "preview_unavailable", "id-1", false, own, "This is a preview. ");
    EXPECT_NE(body.find("<p>This is a preview. The application is not available"),
              std::string::npos)
        << body;
    EXPECT_EQ(body.find("ours"), std::string::npos);
    make_error_page(body, 503, "preview_unavailable", "id-1", true, own, "This is a preview. ");
    const auto json = boost::json::parse(body);
    EXPECT_TRUE(json.at("error").at("message").as_string().starts_with("This is a preview. "));
}

TEST(ErrorPage, EveryStatusHasAMessage) {
    for (const unsigned status :
         {400U, 404U, 405U, 408U, 413U, 414U, 417U, 431U, 501U, 502U, 503U, 504U, 505U, 599U}) {
        std::string body;
        make_error_page(body, status, "code", "id", true, kNone);
        EXPECT_NO_THROW(boost::json::parse(body)) << status;
    }
}

TEST(ErrorPage, OfTheOperatorIsFilledIn) {
    const std::map<unsigned, config::ErrorPage> pages = {
        {503, {"<p>{{status}} {{reason}} {{code}} {{request_id}} {{other}} {{status}}</p>"}},
        {0, {"any {{status}}"}}};
    std::string body;
    make_error_page(body, 503, "drained", "id-1", false, pages);
    EXPECT_EQ(body, "<p>503 Service Unavailable drained id-1 {{other}} 503</p>");
    make_error_page(body, 404, "no_such_service", "id-1", false, pages);
    EXPECT_EQ(body, "any 404");
}

TEST(ErrorPage, SaysWhatTheFieldRetryAfterSays) {
    const std::map<unsigned, config::ErrorPage> pages = {{503, {"in {{retry_after}} s"}}};
    std::string body;
    make_error_page(body, 503, "drained", "id-1", false, pages);
    EXPECT_EQ(body, "in 1 s");
    make_error_page(body, 503, "hold_full", "id-1", false, pages, {}, "17");
    EXPECT_EQ(body, "in 17 s");
}

TEST(ErrorPage, OfTheOperatorIsHtmlOnly) {
    const std::map<unsigned, config::ErrorPage> pages = {{0, {"any"}}};
    std::string body;
    EXPECT_EQ(make_error_page(body, 404, "no_such_service", "id-1", true, pages),
              "application/json");
}

route::Gate maintenance_gate(const std::string& page = {}) {
    auto service = std::make_shared<config::Service>();
    service->maintenance.page = page;
    route::Gate gate;
    gate.mode = route::Gate::Mode::maintenance;
    gate.config = std::move(service);
    gate.message_html = "soon &amp; {{code}}";
    gate.message_json = R"("soon & \"{{code}}\"")";
    gate.retry_after_s = 90;
    return gate;
}

TEST(MaintenancePage, TakesTheServicesPageThenTheOneFor503ThenOurs) {
    const std::map<unsigned, config::ErrorPage> pages = {{503, {"503: {{message}}"}}, {0, {"any"}}};
    std::string body = "old";
    EXPECT_EQ(make_maintenance_page(body, maintenance_gate("{{message}} {{retry_after}} {{code}}"),
                                    "id-1", false, pages),
              "text/html; charset=utf-8");
    EXPECT_EQ(body, "soon &amp; {{code}} 90 maintenance");  // what is put in is not filled in
    make_maintenance_page(body, maintenance_gate(), "id-1", false, pages);
    EXPECT_EQ(body, "503: soon &amp; {{code}}");
    make_maintenance_page(body, maintenance_gate(), "id-1", false, {{0, {"any"}}});
    for (const char* part : {"<!doctype html>", "soon &amp; {{code}}", "maintenance", "id-1"}) {
        EXPECT_NE(body.find(part), std::string::npos) << part;
    }
}

TEST(MaintenancePage, InJson) {
    std::string body;
    EXPECT_EQ(make_maintenance_page(body, maintenance_gate("page"), "id-1", true, kNone),
              "application/json");
    const auto error = boost::json::parse(body).at("error");
    EXPECT_EQ(error.at("code").as_string(), "maintenance");
    EXPECT_EQ(error.at("message").as_string(), "soon & \"{{code}}\"");
    EXPECT_EQ(error.at("status").to_number<int>(), 503);
}

TEST(ErrorPage, LeavesUnfinishedMarksAlone) {
    const std::map<unsigned, config::ErrorPage> pages = {{0, {"{{ {{status}} {{"}}};
    std::string body;
    make_error_page(body, 404, "x", "id-1", false, pages);
    EXPECT_EQ(body, "{{ 404 {{");
    const std::map<unsigned, config::ErrorPage> empty = {{0, {""}}};
    make_error_page(body, 404, "x", "id-1", false, empty);
    EXPECT_EQ(body, "");
}

}  // namespace
}  // namespace switchyard::relay
