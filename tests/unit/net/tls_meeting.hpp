#pragma once

#include "net/stream.hpp"
#include "net/ticket_keys.hpp"
#include "net/tls_context.hpp"
#include "support/temp_dir.hpp"
#include "unit/net/support.hpp"
#include "unit/net/tls_support.hpp"

#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

namespace switchyard::net::test {

/// A loop, a context with one certificate, and a client on a thread of its own.
class TlsMeeting : public testing::Test {
  protected:
    TlsMeeting() {
        const auto files = make_certificate(dir_.path().string(), "one", {"one.example"});
        config_.certificates.push_back({files.certificate, files.key});
        context_ = make_context();
    }

    std::shared_ptr<const TlsContext> make_context() {
        auto made = TlsContext::create(config_, keys_);
        if (!made) throw std::runtime_error(made.error().message);
        return *made;
    }

    /// Runs `server` on the loop against `client` on its thread.
    void meet(const std::function<Task<void>(Stream&)>& server,
              const std::function<void(TlsClient&)>& client, int version = 0) {
        auto pair = Pair::tcp();
        Stream stream(loop_);
        ASSERT_TRUE(stream.open(pair.take_ours()));
        std::thread other([&] {
            TlsClient tls(pair.take_theirs(), "one.example", version);
            client(tls);
        });
        run(loop_, server(stream));
        stream.close();
        other.join();
    }

    switchyard::test::TempDir dir_;
    config::Tls config_;
    TicketKeys keys_;
    std::shared_ptr<const TlsContext> context_;
    EventLoop loop_;
};

}  // namespace switchyard::net::test
