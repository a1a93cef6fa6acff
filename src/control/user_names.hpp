#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace switchyard::control {

/// Names of uids, for the history. The system's name service may ask a directory over the network
/// and wait for it without limit, so it is asked on a thread of its own, and for a while only: a
/// name is decoration, the uid counts. Control thread.
class UserNames {
  public:
    explicit UserNames(boost::asio::any_io_executor executor);
    ~UserNames();
    UserNames(const UserNames&) = delete;
    UserNames& operator=(const UserNames&) = delete;

    /// The name, or "" when there is none or nobody told it in time (300 ms).
    boost::asio::awaitable<std::string> of(std::uint32_t uid);

    /// Ends the thread. False: it is stuck in the name service and was left to itself.
    [[nodiscard]] bool close();

  private:
    struct Shared;

    boost::asio::any_io_executor executor_;
    std::map<std::uint32_t, std::string> known_;
    std::shared_ptr<Shared> shared_;  ///< Null until the first question, and after close().
};

}  // namespace switchyard::control
