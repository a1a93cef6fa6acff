// HAProxy's PROXY protocol: headers as they are, in pieces, and as they must not be.
#include "net/proxy_protocol.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::net {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using State = ProxyHeader::State;

const std::string kSignature(kProxySignature);

std::string binary(std::uint8_t command, std::uint8_t kind, const std::string& block) {
    std::string header = kSignature;
    header += static_cast<char>(command);
    header += static_cast<char>(kind);
    header += static_cast<char>(block.size() >> 8);
    header += static_cast<char>(block.size() & 0xFF);
    return header + block;
}

const std::string kInet = "\xC0\x00\x02\x01\xCB\x00\x71\x05\x9C\x40\x01\xBB"s;
const std::string kInet6 =
    "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\1\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\2\x9C\x40\x01\xBB"s;

std::string field(std::uint8_t type, const std::string& value) {
    std::string text(1, static_cast<char>(type));
    text += static_cast<char>(value.size() >> 8);
    text += static_cast<char>(value.size() & 0xFF);
    return text + value;
}

std::string client_of(const ProxyHeader& header) {
    return header.named ? header.client.text() + " > " + header.server.text() : "nobody";
}

/// Valid headers, and whom they name.
const std::vector<std::pair<std::string, std::string>> kHeaders = {
    {"PROXY TCP4 192.0.2.1 203.0.113.5 40000 443\r\n", "192.0.2.1:40000 > 203.0.113.5:443"},
    {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
     "255.255.255.255:65535 > 255.255.255.255:65535"},
    {"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0:0 > 0.0.0.0:0"},
    {"PROXY TCP6 2001:db8::1 2001:db8::2 40000 443\r\n", "[2001:db8::1]:40000 > [2001:db8::2]:443"},
    {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
     "65535 65535\r\n",
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 > "
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
    {"PROXY UNKNOWN\r\n", "nobody"},
    {"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
     "nobody"},
    {binary(0x21, 0x11, kInet), "192.0.2.1:40000 > 203.0.113.5:443"},
    {binary(0x21, 0x12, kInet), "192.0.2.1:40000 > 203.0.113.5:443"},
    {binary(0x21, 0x21, kInet6), "[2001:db8::1]:40000 > [2001:db8::2]:443"},
    {binary(0x21, 0x11, kInet + field(0x02, "app.example") + field(0x04, "") + field(0xEA, "x")),
     "192.0.2.1:40000 > 203.0.113.5:443"},
    {binary(0x21, 0x31, std::string(216, 'u')), "nobody"},
    {binary(0x21, 0x00, ""), "nobody"},
    {binary(0x21, 0x00, "what nobody knows"), "nobody"},
    {binary(0x20, 0x00, ""), "nobody"},
    {binary(0x20, 0x11, kInet), "nobody"},
    {binary(0x20, 0xF7, "ignored"), "nobody"},
    {binary(0x21, 0x11, kInet + field(0x04, std::string(kMaxProxyHeader - 16 - 12 - 3, 'n'))),
     "192.0.2.1:40000 > 203.0.113.5:443"},
};

TEST(ProxyHeader, IsReadInBothVersions) {
    for (const auto& [text, client] : kHeaders) {
        const ProxyHeader header = parse_proxy_header(text);
        ASSERT_EQ(header.state, State::complete) << text << header.problem;
        EXPECT_EQ(header.size, text.size()) << text;
        EXPECT_EQ(client_of(header), client);
    }
}

TEST(ProxyHeader, IsIncompleteUntilItsLastOctet) {
    for (const auto& [text, client] : kHeaders) {
        for (std::size_t size = 0; size < text.size(); ++size) {
            // Memory of exactly this size: a read past it is seen by sanitizers.
            const std::vector<char> begin(text.begin(),
                                          text.begin() + static_cast<std::ptrdiff_t>(size));
            ASSERT_EQ(parse_proxy_header({begin.data(), begin.size()}).state, State::incomplete)
                << text.substr(0, size);
        }
    }
}

TEST(ProxyHeader, LeavesWhatComesBehindIt) {
    for (const auto& [text, client] : kHeaders) {
        for (const std::string_view rest : {"GET / HTTP/1.1\r\n"sv, "\x16\x03\x01"sv, "\r\n"sv}) {
            const ProxyHeader header = parse_proxy_header(text + std::string(rest));
            ASSERT_EQ(header.state, State::complete) << text;
            EXPECT_EQ(header.size, text.size());
            EXPECT_EQ(client_of(header), client);
        }
    }
}

TEST(ProxyHeader, SomethingElseIsToldFromABadOne) {
    for (const std::string_view text :
         {"GET / HTTP/1.1\r\n"sv, "\x16\x03\x01\x02"sv, "P "sv, "proxy TCP4 "sv, "\r\n\r\nGET"sv,
          "\r\n\r\n\0\r\nQUIT\r"sv, "PROXYTCP4"sv, "PRI * HTTP/2.0\r\n"sv}) {
        EXPECT_EQ(parse_proxy_header(text).state, State::absent) << text;
    }
}

TEST(ProxyHeader, OfVersion1IsTakenByTheLetter) {
    for (const std::string_view text : {
             "PROXY TCP4 192.0.2.1 203.0.113.5 40000 443\n"sv,
             "PROXY \n"sv,
             "PROXY \r\n"sv,
             "PROXY  TCP4 192.0.2.1 203.0.113.5 40000 443\r\n"sv,
             "PROXY TCP4  192.0.2.1 203.0.113.5 40000 443\r\n"sv,
             "PROXY TCP4 192.0.2.1 203.0.113.5 40000 443 \r\n"sv,
             "PROXY TCP4 192.0.2.1 203.0.113.5 40000 443 1\r\n"sv,
             "PROXY TCP4 192.0.2.1 203.0.113.5 40000\r\n"sv,
             "PROXY TCP4 192.0.2.1 203.0.113.5  443\r\n"sv,
             "PROXY TCP4 192.0.2.1 203.0.113.5 40000 65536\r\n"sv,
             "PROXY TCP4 192.0.2.1 203.0.113.5 040000 443\r\n"sv,
             "PROXY TCP4 192.0.2.1 203.0.113.5 +4000 443\r\n"sv,
             "PROXY TCP4 192.0.2.1 203.0.113.5 -1 443\r\n"sv,
             "PROXY TCP4 192.0.2.1 203.0.113.5 0x10 443\r\n"sv,
             "PROXY TCP4 192.0.2.256 203.0.113.5 40000 443\r\n"sv,
             "PROXY TCP4 192.0.2 203.0.113.5 40000 443\r\n"sv,
             "PROXY TCP4 192.0.02.1 203.0.113.5 40000 443\r\n"sv,
             "PROXY TCP4 2001:db8::1 2001:db8::2 40000 443\r\n"sv,
             "PROXY TCP6 192.0.2.1 203.0.113.5 40000 443\r\n"sv,
             "PROXY TCP6 2001:db8::1 203.0.113.5 40000 443\r\n"sv,
             "PROXY TCP6 [2001:db8::1] 2001:db8::2 40000 443\r\n"sv,
             "PROXY TCP6 fe80::1%eth0 2001:db8::2 40000 443\r\n"sv,
             "PROXY TCP4 192.0.2.1\0 203.0.113.5 40000 443\r\n"sv,
             "PROXY UDP4 192.0.2.1 203.0.113.5 40000 443\r\n"sv,
             "PROXY tcp4 192.0.2.1 203.0.113.5 40000 443\r\n"sv,
             "PROXY UNKNOWNS\r\n"sv,
         }) {
        EXPECT_EQ(parse_proxy_header(text).state, State::malformed) << text;
    }
    // 107 octets are the most, and known to be too many without the end.
    const std::string longest = "PROXY UNKNOWN " + std::string(107 - 16, 'x');
    EXPECT_EQ(parse_proxy_header(longest + "\r\n").state, State::complete);
    EXPECT_EQ(parse_proxy_header(longest + "\r").state, State::incomplete);
    EXPECT_EQ(parse_proxy_header(longest + "x\r\n").state, State::malformed);
    EXPECT_EQ(parse_proxy_header(longest + "xx").state, State::malformed);
}

TEST(ProxyHeader, OfVersion2IsTakenByTheLetter) {
    EXPECT_EQ(parse_proxy_header(kSignature + "\x11").state, State::malformed) << "version 1";
    EXPECT_EQ(parse_proxy_header(kSignature + "\x22").state, State::malformed) << "command 2";
    EXPECT_EQ(parse_proxy_header(binary(0x21, 0x41, kInet)).state, State::malformed);
    EXPECT_EQ(parse_proxy_header(binary(0x21, 0x13, kInet)).state, State::malformed);
    // Known from its length alone.
    const std::string shorts = binary(0x21, 0x11, kInet.substr(1)).substr(0, 16);
    EXPECT_EQ(parse_proxy_header(shorts).state, State::malformed);
    EXPECT_EQ(parse_proxy_header(binary(0x21, 0x21, kInet)).state, State::malformed);
    EXPECT_EQ(parse_proxy_header(binary(0x21, 0x31, std::string(215, 'u'))).state,
              State::malformed);
    EXPECT_EQ(parse_proxy_header(binary(0x20, 0, std::string(kMaxProxyHeader - 15, 'x'))).state,
              State::malformed);
    EXPECT_EQ(parse_proxy_header(kSignature + "\x21\x11\xFF\xFF").state, State::malformed);
    // Additional fields have to be whole.
    EXPECT_EQ(parse_proxy_header(binary(0x21, 0x11, kInet + "\x01")).state, State::malformed);
    EXPECT_EQ(parse_proxy_header(binary(0x21, 0x11, kInet + "\x01\0\5four"s)).state,
              State::malformed);
}

TEST(ProxyHeader, AChecksumHasToBeRight) {
    // "123456789" has 0xE3069283 (RFC 9260); this header's was reckoned apart.
    const auto with = [](std::string_view checksum) {
        return binary(0x21, 0x11, kInet + field(0x04, "abc") + field(0x03, std::string(checksum)));
    };
    EXPECT_EQ(parse_proxy_header(with("\0\0\0\0"sv)).problem, "a wrong checksum");
    EXPECT_EQ(parse_proxy_header(with("\xBC\x96\xC5")).state, State::malformed);
    EXPECT_EQ(parse_proxy_header(with("\x22"
                                      "\x7A"
                                      "\x97"
                                      "\xD8"))
                  .state,
              State::complete);
}

TEST(ProxyHeader, IsWrittenAsItIsRead) {
    const auto written = [](ProxyProtocol version, std::string_view client,
                            std::string_view server) {
        std::string header;
        append_proxy_header(header, version, *make_address(client, 40000),
                            *make_address(server, 443));
        return header;
    };
    EXPECT_EQ(written(ProxyProtocol::v1, "192.0.2.1", "203.0.113.5"), kHeaders[0].first);
    EXPECT_EQ(written(ProxyProtocol::v1, "2001:db8::1", "2001:db8::2"), kHeaders[3].first);
    EXPECT_EQ(written(ProxyProtocol::v2, "192.0.2.1", "203.0.113.5"), binary(0x21, 0x11, kInet));
    EXPECT_EQ(written(ProxyProtocol::v2, "2001:db8::1", "2001:db8::2"), binary(0x21, 0x21, kInet6));
    EXPECT_EQ(written(ProxyProtocol::off, "192.0.2.1", "203.0.113.5"), "");
    // What came over a socket of both families is IPv4 all the same; a mixture is IPv6.
    EXPECT_EQ(written(ProxyProtocol::v1, "::ffff:192.0.2.1", "203.0.113.5"), kHeaders[0].first);
    EXPECT_EQ(written(ProxyProtocol::v2, "::ffff:192.0.2.1", "::ffff:203.0.113.5"),
              binary(0x21, 0x11, kInet));
    EXPECT_EQ(written(ProxyProtocol::v1, "192.0.2.1", "2001:db8::2"),
              "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 40000 443\r\n");
    EXPECT_EQ(client_of(parse_proxy_header(written(ProxyProtocol::v2, "192.0.2.1", "2001:db8::2"))),
              "[192.0.2.1]:40000 > [2001:db8::2]:443");
}

TEST(ProxyHeader, WithoutAClientSaysSo) {
    for (const ProxyProtocol version : {ProxyProtocol::v1, ProxyProtocol::v2}) {
        std::string header;
        append_proxy_header(header, version, Address(), *make_address("203.0.113.5", 443));
        EXPECT_EQ(header, own_proxy_header(version));
        EXPECT_EQ(parse_proxy_header(header).state, State::complete);
        EXPECT_EQ(client_of(parse_proxy_header(header)), "nobody");
    }
}

}  // namespace
}  // namespace switchyard::net
