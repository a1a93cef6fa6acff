// The sections hold and maintenance of a service.
#include "support.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::config {
namespace {

using test::config_of;
using test::problems_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

/// What follows is a part of the service and begins in line 4.
std::string service(const std::string& keys) {
    return "listeners: [{address: \"0.0.0.0:80\"}]\nservices:\n"
           "  app: {slots: {blue: {targets: [\"10.0.0.2:80\"]}},\n" +
           keys + "}\n";
}

TEST(HoldSection, IsReadWhole) {
    const Config config = config_of(service(
        "hold: {wait: 20s, max: 1h, requests: 50, bytes: 2MiB}, maintenance: {retry_after: 90s}"));
    const Service& app = config.services.at(0);
    EXPECT_EQ(app.hold, (Hold{20s, 1h, 50, 2 * 1024 * 1024}));
    EXPECT_EQ(app.maintenance.retry_after, 90s);
    EXPECT_EQ(config_of(service("hold: {}")).services.at(0).hold, Hold());
}

TEST(HoldSection, RefusesWhatCanNotBe) {
    EXPECT_THAT(problems_of(service("hold: {wait: 0s, requests: 0, bytes: 1KiB}")),
                ElementsAre(HasSubstr("'wait'"), HasSubstr("'requests'"), HasSubstr("'bytes'")));
    EXPECT_THAT(problems_of(service("hold: {wait: 2m, max: 1m}")),
                ElementsAre(HasSubstr("no hold may last longer than 1m")));
    EXPECT_THAT(problems_of(service("hold: {max: 10s}")),
                ElementsAre(HasSubstr("a request may wait for 30s")));
    EXPECT_THAT(problems_of(service("hold: {time: 10s}")), ElementsAre(HasSubstr("'time'")));
    EXPECT_THAT(problems_of(service("maintenance: {page: /nowhere.html, retry_after: 0s}")),
                UnorderedElementsAre(HasSubstr("'retry_after'"), HasSubstr("/nowhere.html")));
}

TEST(MaintenanceSection, ReadsItsPage) {
    const auto file = std::filesystem::temp_directory_path() /
                      ("switchyard-page-" + std::to_string(::getpid()) + ".html");
    std::ofstream(file) << "<p>{{message}}</p>";
    const Config config = config_of(service("maintenance: {page: \"" + file.string() + "\"}"));
    std::filesystem::remove(file);
    EXPECT_EQ(config.services.at(0).maintenance.page, "<p>{{message}}</p>");
}

}  // namespace
}  // namespace switchyard::config
