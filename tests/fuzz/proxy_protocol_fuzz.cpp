// Headers of the PROXY protocol: what a beginning says does not change by what follows, a header
// that names somebody is written so that it says the same, and nothing is read past the end.
// depends: switchyard_net
#include "net/proxy_protocol.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace switchyard;
using State = net::ProxyHeader::State;

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::abort();
}

/// An IPv4 address in the form of an IPv6 one is the same.
bool same(const net::Address& a, const net::Address& b) {
    std::uint8_t of_a[16];
    std::uint8_t of_b[16];
    a.bytes16(of_a);
    b.bytes16(of_b);
    return a.port() == b.port() && std::equal(of_a, of_a + 16, of_b);
}

bool same(const net::ProxyHeader& a, const net::ProxyHeader& b) {
    return a.state == b.state && a.named == b.named && a.problem == b.problem &&
           same(a.client, b.client) && same(a.server, b.server);
}

void check_written(const net::ProxyHeader& header) {
    for (const ProxyProtocol version : {ProxyProtocol::v1, ProxyProtocol::v2}) {
        std::string text;
        net::append_proxy_header(text, version, header.client, header.server);
        const net::ProxyHeader again = net::parse_proxy_header(text);
        require(again.state == State::complete && again.size == text.size(), "it is one");
        require(again.named == header.named, "it names somebody, or nobody");
        require(!again.named || same(again.client, header.client), "the same client");
        require(!again.named || same(again.server, header.server), "the same server");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const net::ProxyHeader whole = net::parse_proxy_header(text);
    require(whole.size <= net::kMaxProxyHeader || whole.state == State::malformed,
            "no header is longer than the most");
    if (whole.state == State::complete) {
        require(whole.size > 0 && whole.size <= size, "it lies within what was received");
        check_written(whole);
    }
    if (whole.state == State::incomplete) {
        require(size < net::kMaxProxyHeader, "it is never waited for in vain");
    }
    // Beginnings, in memory of exactly their size.
    const std::size_t most = size < 300 ? size : 300;
    for (std::size_t part = 0; part < most; ++part) {
        const std::vector<char> exact(text.begin(),
                                      text.begin() + static_cast<std::ptrdiff_t>(part));
        const net::ProxyHeader begin = net::parse_proxy_header({exact.data(), exact.size()});
        if (begin.state == State::incomplete) {
            require(whole.state != State::complete || part < whole.size, "it is complete in time");
            continue;
        }
        require(same(begin, whole), "what was said stays");
        require(begin.state != State::complete || part >= whole.size, "not complete too early");
    }
    return 0;
}
