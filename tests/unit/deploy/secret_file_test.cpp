#include "deploy/secret_file.hpp"

#include "support/temp_dir.hpp"

#include <sys/stat.h>

#include <gtest/gtest.h>

namespace switchyard::deploy {
namespace {

TEST(SecretFile, IsReadWhenOthersCannot) {
    const test::TempDir dir;
    const std::string path = dir.write("key", "first\nsecond\n");
    ::chmod(path.c_str(), 0640);
    auto secret = read_secret(path);
    ASSERT_TRUE(secret) << secret.error().message;
    EXPECT_STREQ(secret->c_str(), "first\nsecond\n");
    secret->keep_first_line();
    EXPECT_STREQ(secret->c_str(), "first");
    ::chmod(path.c_str(), 0644);
    const auto refused = read_secret(path);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("chmod o-rwx"), std::string::npos);
}

TEST(SecretFile, MustBeARegularFileOfSomeSize) {
    const test::TempDir dir;
    const std::string fifo = dir.file("fifo");
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    EXPECT_NE(read_secret(fifo).error().message.find("not a regular file"), std::string::npos);
    EXPECT_NE(read_secret(dir.path()).error().message.find("not a regular file"),
              std::string::npos);
    EXPECT_NE(read_secret(dir.file("none")).error().message.find("No such file"),
              std::string::npos);
    const std::string full = dir.write("full", std::string(kMaxSecretBytes, 'x'));
    const std::string longer = dir.write("longer", std::string(kMaxSecretBytes + 1, 'x'));
    const std::string zero = dir.write("zero", std::string("a\0b", 3));
    for (const auto& path : {full, longer, zero})
        ::chmod(path.c_str(), 0600);
    EXPECT_TRUE(read_secret(full));
    EXPECT_NE(read_secret(longer).error().message.find("more than 64 KiB"), std::string::npos);
    EXPECT_NE(read_secret(zero).error().message.find("zero bytes"), std::string::npos);
}

}  // namespace
}  // namespace switchyard::deploy
