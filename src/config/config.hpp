#pragma once

#include "base/colour.hpp"
#include "base/proxy_protocol.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The validated configuration: plain values, immutable once loaded. Every default of the product
/// stands in this header and nowhere else; config/switchyard.yaml shows each of them.
namespace switchyard::config {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

struct Certificate {
    std::string certificate;  ///< PEM file: the certificate, then its chain.
    std::string key;          ///< PEM file: the private key.
    bool operator==(const Certificate&) const = default;
};

enum class TlsVersion : std::uint8_t { tls1_2, tls1_3 };

struct Tls {
    std::vector<Certificate> certificates;  ///< The first one answers clients without a known SNI.
    TlsVersion min_version = TlsVersion::tls1_2;
    std::string ciphers;  ///< OpenSSL cipher list for TLS 1.2; empty: OpenSSL's default.
    bool session_tickets = true;
    bool operator==(const Tls&) const = default;
};

/// An address range, of proxies that are believed.
struct Cidr {
    std::uint8_t bytes[16] = {};  ///< Network order; IPv4 as ::ffff:a.b.c.d.
    std::uint8_t prefix = 128;    ///< Bits, counted on the 128-bit form.
    std::string text;
    bool operator==(const Cidr&) const = default;
};

struct Listener {
    std::string address;  ///< Canonical: "0.0.0.0:443", "[::]:443".
    std::string host;     ///< IPv4 or IPv6 address without brackets.
    std::uint16_t port = 0;
    bool redirect_to_https = false;
    std::uint16_t https_port = 443;  ///< The port that redirect_to_https points to.
    std::optional<Tls> tls;
    bool h2c = false;  ///< Plain: HTTP/2 with whoever begins with its preface.
    /// Whose connections begin with a header of the PROXY protocol, all of them; empty: nobody's.
    std::vector<Cidr> proxy_protocol_from;
    bool operator==(const Listener&) const = default;
};

struct Admin {
    std::string socket = "/run/switchyard/admin.sock";
    std::uint32_t socket_mode = 0660;
    std::string metrics;  ///< "address:port" of the Prometheus listener; empty: none.
    bool operator==(const Admin&) const = default;
};

/// What clients may take (all listeners).
struct Limits {
    std::size_t head_bytes = 32 * 1024;   ///< Request line and header section, bytes: 431 beyond.
    std::uint32_t header_count = 100;     ///< 431 beyond.
    std::size_t target_bytes = 8 * 1024;  ///< Request target: 414 beyond.
    std::uint64_t body_bytes = 0;         ///< 413 beyond; 0: unlimited. A service may set its own.
    /// Client connections, all workers; 0: half of the descriptors, less a reserve.
    std::uint32_t connections = 0;
    std::uint32_t connections_per_address = 0;  ///< 0: unlimited.
    bool operator==(const Limits&) const = default;
};

/// Client-side phases (all listeners).
struct Timeouts {
    milliseconds tls_handshake = 10s;
    milliseconds request_head = 10s;    ///< First byte to the end of the header section: 408.
    milliseconds request_body = 30s;    ///< Without a byte of the body: 408.
    milliseconds response_write = 30s;  ///< Without a byte taken by the client: connection reset.
    milliseconds keep_alive = 75s;      ///< Idle between two requests: connection closed.
    milliseconds shutdown = 30s;        ///< What is in flight at SIGTERM may take this long.
    bool operator==(const Timeouts&) const = default;
};

/// HTTP/2 with clients (all listeners). What passes a rate, averaged over ten seconds, ends the
/// connection (GOAWAY, ENHANCE_YOUR_CALM).
struct Http2 {
    bool enabled = true;  ///< Offered on TLS listeners (ALPN).
    std::uint32_t max_concurrent_streams = 100;
    std::uint32_t stream_window = 128 * 1024;  ///< Bytes of a body that wait for the target.
    std::uint32_t header_table = 4 * 1024;     ///< Bytes of HPACK's table.
    std::uint32_t continuations = 8;           ///< CONTINUATION frames of one header block.
    std::uint32_t resets_per_second = 50;      ///< By the client, or caused by it.
    std::uint32_t settings_per_second = 5;
    std::uint32_t pings_per_second = 50;
    std::uint32_t ignored_frames_per_second = 100;  ///< PRIORITY and unknown ones.
    std::uint32_t empty_frames_per_second = 20;
    std::uint32_t window_updates_per_second = 100;  ///< And one for each KiB sent.
    bool operator==(const Http2&) const = default;
};

/// Upstream phases, per service.
struct UpstreamTimeouts {
    milliseconds connect = 3s;         ///< 504 beyond (after retries).
    milliseconds response_head = 60s;  ///< Request sent to response head: 504.
    milliseconds response_body = 60s;  ///< Without a byte of the body: response aborted.
    milliseconds request_write = 30s;  ///< Without a byte taken by the target: 504.
    milliseconds idle = 55s;           ///< Unused pooled connections are closed after this.
    milliseconds tunnel_idle = 1h;     ///< A tunnel without an octet either way is ended.
    bool operator==(const UpstreamTimeouts&) const = default;
};

/// Other protocols that clients may go on with over a connection of theirs (RFC 9110 §7.8).
struct Upgrade {
    bool any = false;  ///< Every protocol but other versions of HTTP.
    std::vector<std::string> protocols = {"websocket"};  ///< Lower case; none: upgrades are off.
    bool operator==(const Upgrade&) const = default;
};

/// What becomes of the tunnels of a slot that is not live any more (C11).
enum class TunnelDrain : std::uint8_t {
    keep,   ///< They live on, up to Service::keep_tunnels.
    close,  ///< WebSockets are told to go away, one after the other; what is left is cut.
    cut,    ///< They are cut at the deadline, like requests.
};

constexpr const char* to_string(TunnelDrain policy) noexcept {
    if (policy == TunnelDrain::keep) return "keep";
    return policy == TunnelDrain::close ? "close" : "cut";
}

struct HealthCheck {
    enum class Kind : std::uint8_t { http, tcp };
    Kind kind = Kind::tcp;  ///< http as soon as a path is given.
    std::string path;       ///< Request target of the check, "/up".
    std::string host;  ///< Host header; empty: the service's first exact host, else the target.
    milliseconds interval = 1s;
    milliseconds timeout = 2s;
    std::uint32_t healthy_after = 2;    ///< Successes in a row.
    std::uint32_t unhealthy_after = 3;  ///< Failures in a row.
    std::uint16_t expect_min = 200;     ///< Status codes that count as healthy, inclusive.
    std::uint16_t expect_max = 299;
    bool operator==(const HealthCheck&) const = default;
};

/// Passive ejection of targets that can't be connected to.
struct Ejection {
    std::uint32_t failures = 3;  ///< Failed connects in a row; 0: off.
    milliseconds duration = 5s;  ///< For how long the target is passed over.
    bool operator==(const Ejection&) const = default;
};

struct Target {
    enum class Kind : std::uint8_t { ip, name, unix_socket };
    enum class Scheme : std::uint8_t { unsaid, http, https };
    Kind kind = Kind::ip;
    /// "10.0.0.2:80", "[::1]:80", "app.internal:80" or "unix:/run/a.sock", without the scheme.
    std::string address;
    std::string host;  ///< IP, host name, or the path of the unix socket.
    std::uint16_t port = 0;
    Scheme scheme = Scheme::unsaid;  ///< Once loaded: https for all targets of a slot, or unsaid.
    /// Once loaded: the slot's. What connections to it begin with, before TLS.
    ProxyProtocol proxy_protocol = ProxyProtocol::off;
    [[nodiscard]] bool tls() const noexcept { return scheme == Scheme::https; }
    bool operator==(const Target&) const = default;
};

/// TLS to the targets of a slot.
struct TargetTls {
    std::string ca_file;      ///< PEM, what certificates are verified by; empty: the system's CAs.
    std::string server_name;  ///< Sent as SNI, expected in the certificate; empty: the target's.
    bool verify = true;       ///< False: any certificate is taken.
    std::optional<Certificate> client;  ///< What we show, if the target asks for one.
    TlsVersion min_version = TlsVersion::tls1_2;
    bool operator==(const TargetTls&) const = default;
};

/// A host that releases of a slot are installed on, over SSH.
struct DeployHost {
    std::string text;  ///< As configured, "deploy@10.10.0.2:22": its name on screens.
    std::string user;  ///< Empty: that of `ssh`.
    std::string host;  ///< IPv4, IPv6 (without brackets) or a name.
    std::uint16_t port = 22;
    std::string fingerprint;  ///< Pinned host key, "SHA256:..."; empty: known_hosts decides.
    bool operator==(const DeployHost&) const = default;
};

/// How to log in on the hosts that are deployed to. The user's own SSH configuration is not read.
struct Ssh {
    std::string user;             ///< For hosts that name none; empty: each has to.
    std::string key_file;         ///< Private key; empty: the agent's.
    std::string passphrase_file;  ///< First line: passphrase of the key; empty: it has none.
    std::string agent;            ///< Socket of the agent; empty: none.
    std::string known_hosts = "/etc/switchyard/known_hosts";
    milliseconds connect_timeout = 10s;  ///< Connecting, key exchange and login, together.
    milliseconds keep_alive = 15s;       ///< Between two signs of life while a command is silent.
    bool operator==(const Ssh&) const = default;
};

/// A command before or after a switch that ends a deploy.
struct Hook {
    enum class Where : std::uint8_t { remote, local };
    Where where = Where::remote;  ///< On every host of the slot, or beside the daemon.
    std::string command;          ///< For sh.
    milliseconds timeout = 1min;
    bool operator==(const Hook&) const = default;
};

/// Requests to a slot before it goes live, so that its first visitors find it warm.
struct WarmUp {
    std::vector<std::string> paths;  ///< Request targets; none: no warm-up.
    milliseconds limit = 30s;        ///< All of it; then the deploy goes on.
    bool operator==(const WarmUp&) const = default;
};

/// How a release gets onto the idle slot.
struct Deploy {
    std::string command;           ///< For sh, on each host of the slot.
    milliseconds timeout = 10min;  ///< The command, on each host.
    bool one_by_one = false;       ///< One host after the other instead of all at once.
    std::map<std::string, std::string> env;
    milliseconds healthy_within = 1min;  ///< After the command ended.
    WarmUp warm_up;
    std::optional<Hook> before_switch;  ///< Its failure stops the deploy.
    std::optional<Hook> after_switch;   ///< Its failure is reported.
    bool operator==(const Deploy&) const = default;
};

/// Where an HTTP service is reached.
struct HttpUrl {
    bool tls = true;
    std::string host;  ///< Name or IP address, IPv6 without brackets.
    std::uint16_t port = 443;
    std::string path;  ///< Put before every request's path; empty or "/prefix".
    /// "https://host", "http://[::1]:8080/prefix".
    [[nodiscard]] std::string text() const;
    bool operator==(const HttpUrl&) const = default;
};

/// The ways to the idle slot of a service, and who may take them (docs/preview.md).
struct Preview {
    std::string header = "X-Switchyard-Preview";  ///< Request field with the pass; empty: none.
    std::string cookie = "switchyard_preview";    ///< Cookie with the pass; empty: none, no links.
    std::string host;               ///< Host name of the preview alone, lower case; empty: none.
    std::optional<HttpUrl> url;     ///< What links begin with, without path; none: from the hosts.
    std::string secret_file;        ///< Secrets, one a line: the first signs, each is accepted.
    std::string secret_credential;  ///< The same as a systemd credential's name.
    milliseconds max_for = 24h;     ///< The longest that a signed pass may be valid.
    bool forward = false;           ///< Let the application see what clients send of it.

    std::vector<std::string> secrets;  ///< What was read; never shown.
    std::string secret_problem;        ///< Why they could not be read; empty: no reason.

    /// Only signed passes open it.
    [[nodiscard]] bool is_signed() const noexcept {
        return !secret_file.empty() || !secret_credential.empty();
    }
    bool operator==(const Preview&) const = default;
};

/// What requests of a service may take while they are held (C15). 503 beyond any of them.
struct Hold {
    milliseconds wait = 30s;            ///< Each of them; and a hold, unless it is told otherwise.
    milliseconds max = 10min;           ///< The longest hold that may be asked for.
    std::uint32_t requests = 10'000;    ///< At once, on all workers.
    std::uint64_t bytes = 64ULL << 20;  ///< Of memory, for what came of them: heads and more.
    bool operator==(const Hold&) const = default;
};

/// What requests of a service get while it is under maintenance: 503.
struct Maintenance {
    std::string page;                ///< HTML of the operator's own; empty: the built-in page.
    milliseconds retry_after = 60s;  ///< In whole seconds.
    bool operator==(const Maintenance&) const = default;
};

/// Responses are compressed for clients that take it, where the origin did not.
struct Compression {
    enum class Algorithm : std::uint8_t { gzip, brotli };
    std::vector<Algorithm> algorithms = {Algorithm::brotli, Algorithm::gzip};  ///< Best first.
    /// Lower case, without parameters; "text/*" for all of them.
    std::vector<std::string> types = {"text/*",
                                      "application/javascript",
                                      "application/json",
                                      "application/manifest+json",
                                      "application/rss+xml",
                                      "application/atom+xml",
                                      "application/wasm",
                                      "application/xhtml+xml",
                                      "application/xml",
                                      "image/svg+xml"};
    std::uint64_t min_length = 1024;  ///< Octets; bodies known to be shorter stay as they are.
    int gzip_level = 5;               ///< 1 to 9.
    int brotli_level = 4;             ///< 0 to 11.
    bool operator==(const Compression&) const = default;
};

constexpr const char* to_string(Compression::Algorithm algorithm) noexcept {
    return algorithm == Compression::Algorithm::gzip ? "gzip" : "br";
}

struct Slot {
    std::string name;  ///< Shown in X-Served-By and /server_info; default: the colour's name.
    std::vector<Target> targets;
    std::optional<TargetTls> tls;                       ///< Empty: the targets speak plain HTTP.
    ProxyProtocol proxy_protocol = ProxyProtocol::off;  ///< Tells the targets who the client is.
    std::vector<DeployHost> deploy_to;                  ///< Empty: nothing can be deployed to it.
    std::optional<std::uint64_t> droplet_id;  ///< Where a reserved IP goes with this slot.
    bool operator==(const Slot&) const = default;
};

struct Service {
    std::string name;
    std::vector<std::string> hosts;      ///< Lower case; exact, "*.example.com", or "*" for any.
    std::string path = "/";              ///< Path prefix, matched at segment boundaries.
    bool strip_path = false;             ///< Take the prefix off before the request goes upstream.
    std::optional<Slot> slots[2];        ///< By index_of(Colour).
    Colour initial_live = Colour::blue;  ///< Used only when the state has no entry yet.
    HealthCheck health_check;
    Ejection ejection;
    UpstreamTimeouts timeouts;
    milliseconds drain_timeout = 30s;
    TunnelDrain drain_tunnels = TunnelDrain::close;
    milliseconds keep_tunnels = 24h;  ///< With TunnelDrain::keep: then they are closed.
    Upgrade upgrade;
    std::uint32_t retries = 2;  ///< Further tries after the first one (C10); 0: none.
    std::uint32_t max_idle_connections = 128;       ///< Pooled connections per worker and target.
    std::optional<std::uint64_t> body_bytes;        ///< Overrides limits.body_bytes.
    std::string served_by_header = "X-Served-By";   ///< Empty: not sent.
    std::string server_info_path = "/server_info";  ///< Empty: none. Exact match of the path.
    bool forward_host = true;  ///< Send the client's Host upstream (else the target's address).
    std::optional<Deploy> deploy;
    std::optional<Preview> preview;  ///< None: the idle slot can't be reached.
    Hold hold;
    Maintenance maintenance;
    std::optional<Compression> compression;  ///< None: responses are passed on as they are.
    bool operator==(const Service&) const = default;
};

struct AccessLog {
    enum class Format : std::uint8_t { json, combined };
    std::string path;  ///< Empty: off; "-": standard output.
    Format format = Format::json;
    /// Per worker; lines that don't fit are dropped and counted.
    std::size_t buffer_bytes = 1024 * 1024;
    bool operator==(const AccessLog&) const = default;
};

struct Log {
    std::string level = "info";  ///< trace, debug, info, warn, error.
    bool operator==(const Log&) const = default;
};

struct ErrorPage {
    /// File contents; "{{status}}", "{{reason}}", "{{code}}", "{{request_id}}" are
    /// replaced.
    std::string html;
    bool operator==(const ErrorPage&) const = default;
};

/// How a reserved IP goes on after a request that failed. Delays grow from `first` to `longest`.
struct IpRetry {
    milliseconds first = 1s;      ///< Server and network errors; twice this for pending events.
    milliseconds longest = 60s;   ///< Half of this for pending events.
    milliseconds refused = 5min;  ///< After an answer that a retry alone won't change (401, 403).
    bool operator==(const IpRetry&) const = default;
};

/// A DigitalOcean reserved (once: floating) IP that follows the droplet of the live slot.
struct ReservedIp {
    enum class Drift : std::uint8_t { enforce, alert };
    std::string address;     ///< IPv4 or IPv6, canonical.
    std::string follows;     ///< A service whose slots all have a droplet_id.
    std::string token_file;  ///< Holds the API's token; empty: systemd's credential "do-token".
    HttpUrl api = {true, "api.digitalocean.com", 443, ""};
    std::string ca_file;           ///< PEM, what the API's certificate is verified by; empty: the
                                   ///< system's CAs.
    Drift drift = Drift::enforce;  ///< What to do when somebody else moved the IP.
    milliseconds drift_interval = 45s;   ///< Between two looks at an IP that is where it should be.
    milliseconds poll_interval = 3s;     ///< Between two looks at a move under way.
    milliseconds request_timeout = 15s;  ///< One request to the API, all of it.
    milliseconds slow_after = 5min;      ///< A move that takes longer is reported.
    IpRetry retry;
    bool metadata_confirm = false;  ///< Ask the droplet's own metadata service too.
    HttpUrl metadata_url = {false, "169.254.169.254", 80, ""};
    bool operator==(const ReservedIp&) const = default;
};

struct Config {
    std::string file;           ///< Where it was read from.
    std::uint32_t workers = 0;  ///< Threads; 0 (auto): one a core.
    std::vector<Listener> listeners;
    Admin admin;
    std::string state = "/var/lib/switchyard/state.db";
    Limits limits;
    Timeouts timeouts;
    Http2 http2;
    AccessLog access_log;
    Log log;
    std::vector<Cidr> trusted_proxies;  ///< Whose X-Forwarded-* and Forwarded are believed.
    std::string via = "switchyard";     ///< Pseudonym in Via; empty: no Via field.
    /// By status code, 0 for "any other"; read at load time.
    std::map<unsigned, ErrorPage> error_pages;
    Ssh ssh;
    std::vector<Service> services;  ///< In the order of the file.
    std::optional<ReservedIp> reserved_ip;
    bool operator==(const Config&) const = default;
};

}  // namespace switchyard::config
