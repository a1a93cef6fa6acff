// What stands before everything else on a balancer's connection: the header of the PROXY protocol.
#include "server/connection.hpp"

namespace switchyard::server {

using net::IoStatus;
using observe::ProxyFault;

bool ListenerSettings::expects_header(const net::Address& peer) const {
    if (proxies == nullptr) return false;
    std::uint8_t bytes[16];
    peer.bytes16(bytes);
    return config::contains_any(*proxies, bytes);
}

/// Looks at what has come before taking it: the octets behind the header belong to TLS, or to the
/// session.
Task<bool> Connection::take_header() {
    Buffer received;
    const net::TimerWheel& timers = stream_.loop().timers();
    const std::uint64_t deadline = timers.after(host_.options()->request_head);
    bool leaving = false;  // Woken by drain(): one look more.
    for (;;) {
        received.reserve(net::kMaxProxyHeader);
        std::size_t seen = 0;
        IoStatus status =
            stream_.try_peek(received.tail(), net::kMaxProxyHeader - received.size(), seen);
        if (status == IoStatus::ok) {
            const std::size_t before = received.size();
            received.commit(seen);
            const net::ProxyHeader header = net::parse_proxy_header(received.view());
            if (header.state == net::ProxyHeader::State::absent ||
                header.state == net::ProxyHeader::State::malformed) {
                const bool absent = header.state == net::ProxyHeader::State::absent;
                host_.header_refused(client_.address,
                                     absent ? ProxyFault::absent : ProxyFault::malformed,
                                     header.problem);
                co_return false;
            }
            const bool complete = header.state == net::ProxyHeader::State::complete;
            // Until it is complete, all that came belongs to it.
            std::size_t left = complete ? header.size - before : seen;
            char* at = received.data() + before;
            while (left > 0 && status == IoStatus::ok) {
                std::size_t done = 0;
                status = stream_.try_read(at, left, done);
                at += done;
                left -= done;
            }
            if (status == IoStatus::ok) {
                if (complete) co_return header_taken(header);
                continue;
            }
        }
        if (status == IoStatus::again) {
            const bool begun = !received.empty();
            if (!begun) received.release();
            if (leaving && !begun) co_return false;
            status = IoStatus::timed_out;
            looking_ = !begun;
            if (deadline == 0 || timers.now() < deadline) {
                status = co_await stream_.readable(timers.left(deadline));
            }
            looking_ = false;
        }
        if (status == IoStatus::cancelled && !stopping_) {
            stream_.look_once_more();
            leaving = true;
            continue;
        }
        if (status != IoStatus::ok) {
            header_failed(status, !received.empty());
            co_return false;
        }
    }
}

bool Connection::header_taken(const net::ProxyHeader& header) {
    host_.counters().proxy_headers.add();
    if (!header.named) return true;
    client_.named(header.client, header.server);
    return host_.client_named(*this, client_.address);
}

void Connection::header_failed(IoStatus status, bool begun) {
    if (status == IoStatus::cancelled) return;
    if (status == IoStatus::timed_out) {
        host_.header_refused(client_.address, ProxyFault::timed_out, "it did not come in time");
    } else if (begun) {
        host_.header_refused(client_.address, ProxyFault::cut_off,
                             "the connection ended within it");
    }
    // One that ends without an octet is how balancers see whether we are there.
}

}  // namespace switchyard::server
