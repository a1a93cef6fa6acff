#include "bench/switch/admin.hpp"

#include "bench/common/clock.hpp"
#include "bench/common/response_reader.hpp"
#include "bench/common/stream.hpp"

#include <array>
#include <poll.h>
#include <stdexcept>
#include <string_view>

namespace switchyard::bench {
namespace {

struct Text final : ResponseReader::BodySink {
    void on_body(std::string_view piece) override { text += piece; }
    std::string text;
};

/// Blocking use of a stream, with a deadline.
class Call {
  public:
    Call(const Address& address, int timeout_ms)
        : deadline_(now_ns() + std::int64_t{timeout_ms} * 1'000'000) {
        if (!stream_.connect(address, nullptr, "")) fail();
        while (check(stream_.handshake()).status != Io::done) {
        }
    }

    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            const IoResult result = check(stream_.write(bytes.data(), bytes.size()));
            if (result.status == Io::done) bytes.remove_prefix(result.bytes);
        }
    }

    void receive(ResponseReader& reader) {
        std::array<char, 16384> buffer{};
        while (reader.state() != ResponseReader::State::complete) {
            const IoResult result = check(stream_.read(buffer.data(), buffer.size()));
            if (result.status == Io::closed) reader.end_of_stream();
            if (result.status == Io::done) reader.feed({buffer.data(), result.bytes});
            if (reader.state() == ResponseReader::State::broken)
                throw std::runtime_error(reader.reason());
        }
    }

  private:
    [[noreturn]] void fail() { throw std::runtime_error(stream_.error()); }

    IoResult check(IoResult result) {
        if (result.status == Io::failed) fail();
        if (result.status == Io::want_read || result.status == Io::want_write) {
            const std::int64_t left = (deadline_ - now_ns()) / 1'000'000;
            pollfd waiting{stream_.fd(),
                           static_cast<short>(result.status == Io::want_read ? POLLIN : POLLOUT),
                           0};
            if (left <= 0 || poll(&waiting, 1, static_cast<int>(left)) <= 0)
                throw std::runtime_error("no answer in time");
        }
        return result;
    }

    std::int64_t deadline_;
    Stream stream_;
};

}  // namespace

boost::json::value get_json(const Address& address, const std::string& target, int timeout_ms) {
    try {
        Text text;
        ResponseReader reader(&text);
        Call call(address, timeout_ms);
        call.send("GET " + target + " HTTP/1.1\r\nHost: switchyard\r\nConnection: close\r\n\r\n");
        call.receive(reader);
        if (reader.head().status != 200)
            throw std::runtime_error("status " + std::to_string(reader.head().status) + ": " +
                                     text.text);
        return boost::json::parse(text.text);
    } catch (const std::exception& error) {
        throw std::runtime_error("GET " + target + ": " + error.what());
    }
}

const boost::json::object& service_of(const boost::json::value& status, const std::string& name) {
    for (const auto& service : status.at("services").as_array()) {
        const auto& object = service.as_object();
        if (object.at("name").as_string() == name) return object;
    }
    throw std::runtime_error("the daemon has no service '" + name + "'");
}

}  // namespace switchyard::bench
