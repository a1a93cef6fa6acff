#include "config/address.hpp"

#include "config/names.hpp"

#include <gtest/gtest.h>

namespace switchyard::config {
namespace {

TEST(Address, Endpoints) {
    struct Case {
        const char* text;
        const char* host;
        int port;
        const char* canonical;
    };
    const Case cases[] = {
        {"0.0.0.0:80", "0.0.0.0", 80, "0.0.0.0:80"},
        {"127.0.0.1:0", "127.0.0.1", 0, "127.0.0.1:0"},
        {"[::]:443", "::", 443, "[::]:443"},
        {"[2001:DB8:0:0::1]:8443", "2001:db8::1", 8443, "[2001:db8::1]:8443"},
    };
    for (const Case& c : cases) {
        const auto endpoint = parse_endpoint(c.text);
        ASSERT_TRUE(endpoint) << c.text;
        EXPECT_EQ(endpoint->host, c.host);
        EXPECT_EQ(endpoint->port, c.port);
        EXPECT_EQ(endpoint->text(), c.canonical);
    }
    for (const char* bad : {"",
                            ":",
                            "80",
                            ":80",
                            "0.0.0.0",
                            "0.0.0.0:",
                            "0.0.0.0:65536",
                            "0.0.0.0:-1",
                            "::1:80",
                            "[::1]",
                            "[::1",
                            "[::1]80",
                            "[::1]:",
                            "[]:80",
                            "[127.0.0.1]:80",
                            "localhost:80",
                            "*:80",
                            "1.2.3:80",
                            "[fe80::1%lo]:80",
                            "unix:/run/a.sock",
                            "http://0.0.0.0:80"}) {
        EXPECT_FALSE(parse_endpoint(bad)) << bad;
    }
}

TEST(Address, Targets) {
    struct Case {
        const char* text;
        Target::Kind kind;
        const char* address;
        const char* host;
        int port;
    };
    using Kind = Target::Kind;
    const Case cases[] = {
        {"10.0.0.2:8000", Kind::ip, "10.0.0.2:8000", "10.0.0.2", 8000},
        {"[::1]:80", Kind::ip, "[::1]:80", "::1", 80},
        {"App.Internal:80", Kind::name, "app.internal:80", "app.internal", 80},
        {"localhost:80", Kind::name, "localhost:80", "localhost", 80},
        {"http://10.0.0.2:8000", Kind::ip, "10.0.0.2:8000", "10.0.0.2", 8000},
        {"http://app_1:8000/", Kind::name, "app_1:8000", "app_1", 8000},
        {"https://10.0.0.2:8443", Kind::ip, "10.0.0.2:8443", "10.0.0.2", 8443},
        {"https://[::1]:8443/", Kind::ip, "[::1]:8443", "::1", 8443},
        {"unix:/run/a b.sock", Kind::unix_socket, "unix:/run/a b.sock", "/run/a b.sock", 0},
    };
    for (const Case& c : cases) {
        const auto target = parse_target(c.text);
        ASSERT_TRUE(target) << c.text << ": " << target.error().message;
        EXPECT_EQ(target->kind, c.kind) << c.text;
        EXPECT_EQ(target->address, c.address);
        EXPECT_EQ(target->host, c.host);
        EXPECT_EQ(target->port, c.port);
    }
    struct Refused {
        std::string text;
        std::string why;
    };
    const Refused refused[] = {
        {"10.0.0.2", "has no port"},
        {"app", "has no port"},
        {"[::1]", "has no port"},
        {"10.0.0.2:0", "has a bad port"},
        {"10.0.0.2:70000", "has a bad port"},
        {"10.0.0.2:http", "has a bad port"},
        {"::1:80", "needs brackets"},
        {"[app]:80", "brackets around an address that is not IPv6"},
        {"300.0.0.1:80", "looks like an IP address"},
        {":80", "has no address"},
        {"", "has no port"},
        {"ftp://10.0.0.2:21", "unknown scheme 'ftp'"},
        {"http://10.0.0.2:80/app", "has a path"},
        {"https://10.0.0.2:443/app", "has a path"},
        {"https://10.0.0.2", "has no port"},
        {"https:/10.0.0.2:443", "has a path"},
        {"a b:80", "is not a host name"},
        {"unix:run/a.sock", "is not absolute"},
        {"unix:", "is not absolute"},
        {"unix:/" + std::string(107, 'a'), "has 108 bytes"},
        {"unix:/a\nb", "has control characters"},
    };
    for (const Refused& c : refused) {
        const auto target = parse_target(c.text);
        ASSERT_FALSE(target) << c.text;
        EXPECT_NE(target.error().message.find(c.why), std::string::npos)
            << c.text << ": " << target.error().message;
    }
    EXPECT_TRUE(parse_target("unix:/" + std::string(106, 'a')));
}

TEST(Names, ServiceHosts) {
    const std::pair<const char*, const char*> good[] = {
        {"Scores.Example", "scores.example"},
        {"*", "*"},
        {"*.Scores.Example", "*.scores.example"},
        {"localhost", "localhost"},
        {"10.0.0.1", "10.0.0.1"},
        {"[2001:DB8::0:1]", "[2001:db8::1]"},
        {"xn--bcher-kva.example", "xn--bcher-kva.example"},
        {"a_b.example", "a_b.example"},
    };
    for (const auto& [text, host] : good) {
        const auto parsed = parse_service_host(text);
        ASSERT_TRUE(parsed) << text << ": " << parsed.error().message;
        EXPECT_EQ(*parsed, host);
    }
    const std::string bad[] = {"",
                               ".",
                               "a..b",
                               "a.",
                               ".a",
                               "-a.example",
                               "a-.b",
                               "*.",
                               "*a.b",
                               "a.*.b",
                               "*.*.b",
                               "**",
                               "a b",
                               "a:80",
                               "::1",
                               "[::1",
                               "[10.0.0.1]",
                               "b\u00fccher.example",
                               "http://a",
                               "a/b",
                               "a\r\nb",
                               "1.2.3.400",
                               std::string(64, 'a'),
                               std::string(127, 'a') + "." + std::string(127, 'b')};
    for (const auto& text : bad)
        EXPECT_FALSE(parse_service_host(text)) << text;
}

TEST(Names, HostFields) {
    EXPECT_EQ(*parse_host_field("App.example:8080"), "app.example:8080");
    EXPECT_EQ(*parse_host_field("app.example"), "app.example");
    EXPECT_EQ(*parse_host_field("[::1]"), "[::1]");
    EXPECT_EQ(*parse_host_field("[::1]:80"), "[::1]:80");
    for (const char* bad : {"", "*", "*.a", "a:", "a:0", "a:b", "::1", "a\r\nX: y"}) {
        EXPECT_FALSE(parse_host_field(bad)) << bad;
    }
}

TEST(Names, Paths) {
    EXPECT_EQ(*parse_path_prefix("/"), "/");
    EXPECT_EQ(*parse_path_prefix("/api"), "/api");
    EXPECT_EQ(*parse_path_prefix("/api/"), "/api");
    EXPECT_EQ(*parse_path_prefix("/a%20b/c;d=1"), "/a%20b/c;d=1");
    for (const char* bad : {"", "api", "/a?b", "/a#b", "/a b", "/a\r\nb", "//", "/a//b", "/a/../b",
                            "/./a", "/a/..", "/%", "/%2", "/%zz", "/\xc3\xbc", "/a\"b", "*"}) {
        EXPECT_FALSE(parse_path_prefix(bad)) << bad;
    }
    EXPECT_EQ(*parse_path("/server_info"), "/server_info");
    EXPECT_EQ(*parse_request_target("/up?deep=1&x=%20?"), "/up?deep=1&x=%20?");
    for (const char* bad : {"up", "", "/up?a b", "/up?a#b", "/u p?a", "/up?\r\n"}) {
        EXPECT_FALSE(parse_request_target(bad)) << bad;
    }
}

TEST(Names, WhatGoesIntoHeadersCannotBreakThem) {
    EXPECT_EQ(*parse_header_name("X-Served-By"), "X-Served-By");
    for (const char* bad : {"", "X Served", "X:", "X\r\nY", "\xc3\xbc", "Content-Length",
                            "transfer-encoding", "Connection", "Set-Cookie"}) {
        EXPECT_FALSE(parse_header_name(bad)) << bad;
    }
    EXPECT_EQ(*parse_slot_name("blue production (1)"), "blue production (1)");
    for (const char* bad : {"", " blue", "blue ", "a\r\nb", "a\tb", "\xc3\xbc", "a\x7f"}) {
        EXPECT_FALSE(parse_slot_name(bad)) << bad;
    }
    EXPECT_FALSE(parse_slot_name(std::string(101, 'a')));
    EXPECT_EQ(*parse_pseudonym("switchyard-1"), "switchyard-1");
    for (const char* bad : {"", "a b", "a\r\n", "a,b", "(c)"}) {
        EXPECT_FALSE(parse_pseudonym(bad)) << bad;
    }
}

TEST(Names, Services) {
    for (const char* good : {"app", "App-2", "a.b_c", "7"})
        EXPECT_TRUE(parse_service_name(good));
    for (const char* bad : {"", "-a", ".", "..", "a/b", "a b", "\xc3\xbc", "a\n"}) {
        EXPECT_FALSE(parse_service_name(bad)) << bad;
    }
    EXPECT_FALSE(parse_service_name(std::string(64, 'a')));
}

}  // namespace
}  // namespace switchyard::config
