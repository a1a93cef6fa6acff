#include "net/tls_context.hpp"

#include "net/ticket_keys.hpp"
#include "support/temp_dir.hpp"
#include "unit/net/tls_support.hpp"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::net {
namespace {

class TlsContextTest : public testing::Test {
  protected:
    void add(const std::string& name, const std::vector<std::string>& names) {
        const auto files = test::make_certificate(dir_.path().string(), name, names);
        config_.certificates.push_back({files.certificate, files.key});
    }
    [[nodiscard]] std::string refusal() {
        const auto made = TlsContext::create(config_, keys_);
        return made ? "" : made.error().message;
    }
    /// Common name of the certificate that a client gets which asks for `name`.
    [[nodiscard]] std::string chosen(const std::shared_ptr<const TlsContext>& context,
                                     std::string_view name) const {
        return test::common_name(SSL_CTX_get0_certificate(context->find(name)));
    }

    switchyard::test::TempDir dir_;
    config::Tls config_;
    TicketKeys keys_;
};

TEST_F(TlsContextTest, PicksTheCertificateByName) {
    add("first", {"first.example", "www.first.example"});
    add("second", {"second.example"});
    const auto context = TlsContext::create(config_, keys_).value();
    EXPECT_EQ(chosen(context, "first.example"), "first");
    EXPECT_EQ(chosen(context, "www.first.example"), "first");
    EXPECT_EQ(chosen(context, "second.example"), "second");
    EXPECT_EQ(chosen(context, "unknown.example"), "first");
    EXPECT_EQ(chosen(context, ""), "first");
    EXPECT_EQ(test::common_name(SSL_CTX_get0_certificate(context->start())), "first");
}

TEST_F(TlsContextTest, AWildcardStandsForOneLabel) {
    add("other", {"other.example"});
    add("wild", {"*.wild.example"});
    const auto context = TlsContext::create(config_, keys_).value();
    EXPECT_EQ(chosen(context, "a.wild.example"), "wild");
    EXPECT_EQ(chosen(context, "a.b.wild.example"), "other");
    EXPECT_EQ(chosen(context, "wild.example"), "other");
    EXPECT_EQ(chosen(context, ".wild.example"), "other");
}

TEST_F(TlsContextTest, AnExactNameWinsOverAWildcard) {
    add("wild", {"*.wild.example"});
    add("exact", {"www.wild.example"});
    const auto context = TlsContext::create(config_, keys_).value();
    EXPECT_EQ(chosen(context, "www.wild.example"), "exact");
    EXPECT_EQ(chosen(context, "api.wild.example"), "wild");
}

TEST_F(TlsContextTest, TheFirstCertificateOfANameWins) {
    add("one", {"same.example"});
    add("two", {"same.example", "Upper.Example"});
    const auto context = TlsContext::create(config_, keys_).value();
    EXPECT_EQ(chosen(context, "same.example"), "one");
    EXPECT_EQ(chosen(context, "upper.example"), "two");
}

TEST_F(TlsContextTest, NamesTheFileThatCantBeRead) {
    add("site", {"site.example"});
    const auto good = config_;
    config_.certificates[0].certificate = dir_.file("absent.pem");
    EXPECT_EQ(refusal(),
              "cannot read certificate " + dir_.file("absent.pem") + ": No such file or directory");
    config_ = good;
    config_.certificates[0].key = dir_.file("absent.key");
    EXPECT_EQ(refusal(),
              "cannot read private key " + dir_.file("absent.key") + ": No such file or directory");
}

TEST_F(TlsContextTest, NamesTheFileThatIsNoCertificateOrKey) {
    add("site", {"site.example"});
    const auto good = config_;
    config_.certificates[0].certificate = dir_.write("noise.pem", "not a certificate\n");
    EXPECT_NE(refusal().find("cannot use certificate " + dir_.file("noise.pem")),
              std::string::npos);
    config_ = good;
    config_.certificates[0].key = dir_.write("noise.key", "not a key\n");
    EXPECT_NE(refusal().find("private key " + dir_.file("noise.key")), std::string::npos);
}

TEST_F(TlsContextTest, RefusesAKeyOfAnotherCertificate) {
    add("one", {"one.example"});
    add("two", {"two.example"});
    config_.certificates[1].key = config_.certificates[0].key;
    EXPECT_NE(refusal().find(config_.certificates[1].key), std::string::npos);
    EXPECT_NE(
        refusal().find("does not belong to certificate " + config_.certificates[1].certificate),
        std::string::npos)
        << refusal();
}

TEST_F(TlsContextTest, RefusesCiphersThatDontExist) {
    add("site", {"site.example"});
    config_.ciphers = "NO-SUCH-CIPHER";
    EXPECT_NE(refusal().find("NO-SUCH-CIPHER"), std::string::npos);
}

TEST_F(TlsContextTest, RefusesToBeWithoutACertificate) {
    EXPECT_NE(refusal(), "");
}

TEST(TicketKeys, FindsTheKeyThatNewTicketsGet) {
    TicketKeys keys;
    const auto key = keys.current();
    ASSERT_TRUE(key.valid);
    bool newest = false;
    const auto found = keys.find(key.name.data(), newest);
    EXPECT_TRUE(found.valid);
    EXPECT_TRUE(newest);
    EXPECT_EQ(found.cipher, key.cipher);
    EXPECT_EQ(found.hmac, key.hmac);
}

TEST(TicketKeys, KnowsNoOtherKey) {
    TicketKeys keys;
    auto name = keys.current().name;
    name[0] ^= 1;
    bool newest = true;
    EXPECT_FALSE(keys.find(name.data(), newest).valid);
    TicketKeys others;
    EXPECT_FALSE(others.find(keys.current().name.data(), newest).valid);
}

}  // namespace
}  // namespace switchyard::net
