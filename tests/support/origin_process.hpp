#pragma once

#include "base/colour.hpp"
#include "support/process.hpp"
#include "support/response.hpp"

#include <memory>
#include <string>

#include <boost/json/value.hpp>

namespace switchyard::test {

/// A switchyard-origin that runs (tests/support/origin/README.md says what it answers).
class OriginProcess {
  public:
    struct Options {
        std::string name = "origin";
        std::string listen = "127.0.0.1:0";
        unsigned threads = 1;
    };

    explicit OriginProcess(Colour colour) : OriginProcess(colour, Options{}) {}
    OriginProcess(Colour colour, Options options);

    /// As a target is written in the configuration: "127.0.0.1:1234" or "unix:PATH".
    [[nodiscard]] const std::string& address() const noexcept { return address_; }
    [[nodiscard]] Colour colour() const noexcept { return colour_; }
    [[nodiscard]] Process& process() noexcept { return *process_; }

    /// The whole books (/count), or those of one path: started, received, answered, spoilt,
    /// aborted, in_flight (all 0 if the path was never asked for).
    [[nodiscard]] boost::json::value books() const;
    [[nodiscard]] boost::json::value books(std::string_view path) const;
    void reset_books() const;

    void set_health(unsigned status, std::string_view body = {}) const;

    /// Ends at once; the port is refused from then on.
    void kill();
    /// On the same address again, with empty books.
    void restart();
    /// The kernel still accepts connections, but nobody answers, until go_on().
    void freeze() const;
    void go_on() const;

  private:
    void start();
    Response control(std::string_view method, std::string_view target,
                     std::string_view body = {}) const;

    Colour colour_;
    Options options_;
    std::string address_;
    std::unique_ptr<Process> process_;
};

}  // namespace switchyard::test
