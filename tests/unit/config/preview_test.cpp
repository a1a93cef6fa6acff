// The section `preview` of a service, and the file with its secrets.
#include "config/preview_secret.hpp"
#include "support.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::config {
namespace {

using test::config_of;
using test::problems_of;
using testing::ElementsAre;
using testing::HasSubstr;

/// A fragment of the service, indented by four, begins in line 5.
const std::string kTwoSlots =
    "listeners: [{address: \"0.0.0.0:80\"}]\n"
    "services:\n"
    "  app:\n"
    "    slots: {blue: {targets: [\"10.0.0.2:80\"]}, green: {targets: [\"10.0.0.3:80\"]}}\n";

const std::string kFirst = "first-secret-first-secret-first-s";
const std::string kSecond = "second-secret-second-secret-second";

class PreviewSecrets : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/switchyard-preview-XXXXXX";
        folder = ::mkdtemp(name);
        path = folder + "/secret";
    }
    void TearDown() override { std::filesystem::remove_all(folder); }

    void write(const std::string& text, mode_t mode = 0640) const {
        std::ofstream(path, std::ios::binary) << text;
        ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    }
    [[nodiscard]] std::string problem() const {
        const auto read = read_preview_secrets(path);
        if (read) return "none";
        // Nobody may learn a secret from a message.
        EXPECT_EQ(read.error().message.find("secret-"), std::string::npos);
        return read.error().message;
    }

    std::string folder;
    std::string path;
};

TEST(PreviewSection, IsNoneByDefaultAndEmptyIsAllOfIt) {
    EXPECT_FALSE(config_of(kTwoSlots).services[0].preview);
    const Config config = config_of(kTwoSlots + "    preview: {}\n");
    ASSERT_TRUE(config.services[0].preview);
    EXPECT_EQ(*config.services[0].preview, Preview());
    EXPECT_FALSE(config.services[0].preview->is_signed());
}

TEST_F(PreviewSecrets, TheSectionIsReadWhole) {
    write(kFirst + "\n");
    const Config config =
        config_of(kTwoSlots +
                      "    preview: {header: X-Slot, cookie: slot, host: Preview.Example, "
                      "url: \"https://shop.example:8443\", secret_file: secret, max_for: 8h, "
                      "forward: true}\n",
                  folder);
    Preview expected;
    expected.header = "X-Slot";
    expected.cookie = "slot";
    expected.host = "preview.example";
    expected.url = HttpUrl{true, "shop.example", 8443, ""};
    expected.secret_file = path;
    expected.max_for = 8h;
    expected.forward = true;
    expected.secrets = {kFirst};
    EXPECT_EQ(config.services[0].preview, expected);
}

TEST(PreviewSection, TellsWhatIsWrong) {
    const auto with = [](const std::string& keys) {
        return problems_of(kTwoSlots + "    preview: {" + keys + "}\n");
    };
    EXPECT_THAT(with("header: \"a b\""), ElementsAre(HasSubstr("is not a field name")));
    for (const std::string name : {"Cookie", "authorization", "X-Forwarded-For", "If-Match",
                                   "Accept-Language", "X-Request-Id"}) {
        EXPECT_THAT(with("header: " + name), ElementsAre(HasSubstr("is read by others"))) << name;
    }
    EXPECT_THAT(with("header: Host"), ElementsAre(HasSubstr("meaning of its own")));
    EXPECT_THAT(with("cookie: \"a;b\""), ElementsAre(HasSubstr("is not a cookie's name")));
    EXPECT_THAT(with("cookie: __Host-a"), ElementsAre(HasSubstr("has a prefix")));
    EXPECT_THAT(with("host: \"*.example\""), ElementsAre(HasSubstr("is not a host name")));
    EXPECT_THAT(with("url: \"https://a.example/x\""), ElementsAre(HasSubstr("has a path")));
    EXPECT_THAT(with("max_for: 0s"), ElementsAre(HasSubstr("out of range")));
    EXPECT_THAT(with("header: \"\", cookie: \"\""), ElementsAre(HasSubstr("no way is left")));
    EXPECT_THAT(with("header: \"\", cookie: \"\", host: p.example, secret_file: x"),
                ElementsAre(HasSubstr("no way is left")));
    EXPECT_THAT(with("header: \"\", cookie: \"\", host: p.example"), ElementsAre());
    EXPECT_THAT(with("secret_file: a, secret_credential: b"),
                ElementsAre(HasSubstr("impossible together")));
    EXPECT_THAT(with("secret_credential: a/b"), ElementsAre(HasSubstr("credential's name")));
    EXPECT_THAT(problems_of(test::kService + "    preview: {}\n"),
                ElementsAre(HasSubstr("a service with one slot has none")));
}

TEST(PreviewSection, ItsHostBelongsToNobodyElse) {
    const std::string two =
        "  two:\n"
        "    path: /two\n"
        "    slots: {blue: {targets: [\"10.0.0.4:80\"]}, green: {targets: [\"10.0.0.5:80\"]}}\n";
    EXPECT_THAT(problems_of(kTwoSlots + "    preview: {host: p.example}\n" + two +
                            "    hosts: [P.example]\n"),
                ElementsAre("f:5:21: 'host': 'p.example' is a host of the service 'two' (line 9); "
                            "expected one that nothing else is served under"));
    EXPECT_THAT(problems_of(kTwoSlots + "    preview: {host: p.example}\n" + two +
                            "    preview: {host: p.example}\n"),
                ElementsAre())
        << "with another path";
    EXPECT_THAT(problems_of(kTwoSlots + "    preview: {host: p.example}\n" + two.substr(0, 7) +
                            two.substr(two.find("    slots")) + "    hosts: [two.example]\n" +
                            "    preview: {host: p.example}\n"),
                ElementsAre(HasSubstr("shows the preview of the service 'app' already (line 5)")));
}

TEST_F(PreviewSecrets, OneALineTheFirstSigns) {
    write("# made on Monday\n\n  " + kFirst + "  \r\n" + kSecond + "\n" + kFirst + "\n\n");
    const auto secrets = read_preview_secrets(path);
    ASSERT_TRUE(secrets);
    EXPECT_THAT(*secrets, ElementsAre(kFirst, kSecond));
}

TEST_F(PreviewSecrets, AreRefusedWhenTheyProtectNothing) {
    EXPECT_THAT(problem(), HasSubstr("No such file"));
    write("");
    EXPECT_THAT(problem(), HasSubstr("holds no secret"));
    write("# nothing\n");
    EXPECT_THAT(problem(), HasSubstr("holds no secret"));
    write(kFirst + "\nsecret-too-short\n");
    EXPECT_THAT(problem(), HasSubstr("line 2"));
    EXPECT_THAT(problem(), HasSubstr("fewer than 32 characters"));
    write("a secret with spaces, which is not one word\n");
    EXPECT_THAT(problem(), HasSubstr("not one word"));
    write(std::string(kMaxSecretBytes + 1, 'x'));
    EXPECT_THAT(problem(), HasSubstr("more than 1024"));
    std::string many;
    for (const char c : std::string("abcde"))
        many += std::string(32, c) + "\n";
    write(many);
    EXPECT_THAT(problem(), HasSubstr("more than 4 secrets"));
    write(std::string(20'000, '\n'));
    EXPECT_THAT(problem(), HasSubstr("too large"));
    write(kFirst, 0644);
    EXPECT_THAT(problem(), HasSubstr("every user"));
    path = folder;
    EXPECT_THAT(problem(), HasSubstr("is not a regular file"));
}

TEST_F(PreviewSecrets, AFileThatIsMissingMakesNoFileInvalidButIsSaid) {
    const Config config = config_of(kTwoSlots + "    preview: {secret_file: none}\n", folder);
    const Preview& preview = *config.services[0].preview;
    EXPECT_TRUE(preview.is_signed());
    EXPECT_TRUE(preview.secrets.empty());
    EXPECT_THAT(preview.secret_problem, HasSubstr(folder + "/none"));
}

TEST_F(PreviewSecrets, MayBeACredential) {
    write(kFirst);
    const std::string keys = "    preview: {secret_credential: secret}\n";
    ASSERT_EQ(::setenv("CREDENTIALS_DIRECTORY", folder.c_str(), 1), 0);
    const Config with = config_of(kTwoSlots + keys);
    ::unsetenv("CREDENTIALS_DIRECTORY");
    EXPECT_THAT(with.services[0].preview->secrets, ElementsAre(kFirst));
    const Config without = config_of(kTwoSlots + keys);
    EXPECT_TRUE(without.services[0].preview->is_signed());
    EXPECT_THAT(without.services[0].preview->secret_problem, HasSubstr("LoadCredential=secret"));
}

}  // namespace
}  // namespace switchyard::config
