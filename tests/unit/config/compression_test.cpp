// Compression of a service's responses.
#include "unit/config/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::config {
namespace {

using test::config_of;
using test::kService;
using test::problems_of;
using testing::ElementsAre;
using testing::HasSubstr;

std::optional<Compression> compression_of(const std::string& value) {
    return config_of(kService + "    compression: " + value + "\n").services.at(0).compression;
}
std::vector<std::string> problems_with(const std::string& value) {
    return problems_of(kService + "    compression: " + value + "\n");
}

TEST(CompressionSection, IsOffUnlessItIsThere) {
    EXPECT_FALSE(config_of(kService).services.at(0).compression);
    EXPECT_EQ(compression_of("{}"), Compression{});
}

TEST(CompressionSection, IsReadWhole) {
    const auto read = compression_of(
        "{algorithms: [gzip], types: [\"Text/*\", application/grpc-web+json], min_length: 4KiB, "
        "gzip_level: 9, brotli_level: 0}");
    Compression expected;
    expected.algorithms = {Compression::Algorithm::gzip};
    expected.types = {"text/*", "application/grpc-web+json"};
    expected.min_length = 4096;
    expected.gzip_level = 9;
    expected.brotli_level = 0;
    EXPECT_EQ(read, expected);
}

TEST(CompressionSection, SaysWhatIsWrong) {
    EXPECT_THAT(problems_with("{algorithm: [gzip]}"), ElementsAre(HasSubstr("'algorithms'")));
    EXPECT_THAT(problems_with("{algorithms: [gzip, gzip]}"), ElementsAre(HasSubstr("twice")));
    EXPECT_THAT(problems_with("{algorithms: []}"), ElementsAre(HasSubstr("at least one")));
    EXPECT_THAT(problems_with("{types: []}"), ElementsAre(HasSubstr("at least one")));
    EXPECT_THAT(problems_with("{gzip_level: 10}"), ElementsAre(HasSubstr("'gzip_level'")));
    EXPECT_THAT(problems_with("{gzip_level: 0}"), ElementsAre(HasSubstr("'gzip_level'")));
    EXPECT_THAT(problems_with("{brotli_level: 12}"), ElementsAre(HasSubstr("'brotli_level'")));
    for (const char* const type : {"\"*/*\"", "html", "\"text/\"", "\"text/h*\"", "\"*/html\"",
                                   "\"text/html; charset=utf-8\"", "\"/html\""}) {
        EXPECT_THAT(problems_with("{types: [" + std::string(type) + "]}"),
                    ElementsAre(HasSubstr("is not a media type")))
            << type;
    }
    EXPECT_FALSE(problems_with("{algorithms: [zstd]}").empty());
}

}  // namespace
}  // namespace switchyard::config
