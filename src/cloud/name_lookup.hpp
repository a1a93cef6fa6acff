#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

namespace switchyard::cloud {

/// The addresses of a host, an IP address or a name. The system's resolver may take without limit
/// and can't be stopped, so it is asked on a thread of its own, which nobody waits for: not the
/// targets, whose names share another thread, and not the end of the process. Control thread.
class NameLookup {
  public:
    using Addresses = std::vector<boost::asio::ip::tcp::endpoint>;

    explicit NameLookup(boost::asio::io_context& context);
    /// What is still being asked is forgotten.
    ~NameLookup();
    NameLookup(const NameLookup&) = delete;
    NameLookup& operator=(const NameLookup&) = delete;

    /// Completes with what was found in addresses(), or after cancel() with operation_aborted.
    /// Once.
    boost::asio::awaitable<boost::system::error_code> run(std::string host, std::uint16_t port);
    void cancel();
    [[nodiscard]] const Addresses& addresses() const noexcept;

  private:
    struct Waiter;
    struct Question;

    boost::asio::io_context& context_;
    std::shared_ptr<Waiter> waiter_;
    std::shared_ptr<Question> question_;
};

}  // namespace switchyard::cloud
