#include "cloud/token.hpp"

#include "support/temp_dir.hpp"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::cloud {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Token, IsTheOneWordOfTheFile) {
    const test::TempDir dir;
    dir.write("token", "  dop_v1_abc\r\n\n");
    EXPECT_EQ(read_token(dir.file("token")).value(), "dop_v1_abc");
}

TEST(Token, IsSystemdsCredentialWithoutAFile) {
    const test::TempDir dir;
    dir.write("do-token", "from-systemd\n");
    ::setenv("CREDENTIALS_DIRECTORY", dir.path().c_str(), 1);
    const auto token = read_token("");
    ::unsetenv("CREDENTIALS_DIRECTORY");
    EXPECT_EQ(token.value(), "from-systemd");
    EXPECT_THAT(read_token("").error().message, HasSubstr("LoadCredential=do-token"));
}

TEST(Token, ErrorsNameTheFileAndNeverItsContent) {
    const test::TempDir dir;
    EXPECT_THAT(read_token(dir.file("none")).error().message,
                testing::AllOf(HasSubstr(dir.file("none")), HasSubstr("No such file")));
    EXPECT_THAT(read_token(dir.path().string()).error().message, HasSubstr("directory"));
    dir.write("token", "\n \n");
    EXPECT_THAT(read_token(dir.file("token")).error().message, HasSubstr("is empty"));
    for (const std::string& text : {std::string("secret\r\nX-Evil: 1"), std::string("secret word"),
                                    std::string("secr\0et", 7), std::string(5000, 's')}) {
        dir.write("token", text);
        const auto token = read_token(dir.file("token"));
        ASSERT_FALSE(token) << text;
        EXPECT_THAT(token.error().message, Not(HasSubstr("secr")));
        EXPECT_THAT(token.error().message, Not(HasSubstr("sss")));
    }
}

TEST(Token, IsTakenOutOfWhatOthersSay) {
    EXPECT_EQ(harmless("bad abc, abc!", "abc"), "bad [token], [token]!");
    EXPECT_EQ(harmless("a\x1b[2J\nb", "abc"), "a [2J b");
    EXPECT_EQ(harmless(std::string(1000, 'x'), "abc").size(), 303u);
    // Not even the half of it that a limit would leave.
    EXPECT_THAT(harmless(std::string(297, 'x') + "tokentokentoken", "tokentokentoken"),
                Not(HasSubstr("toke")));
    EXPECT_EQ(harmless("text", ""), "text");
}

}  // namespace
}  // namespace switchyard::cloud
