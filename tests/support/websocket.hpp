#pragma once

#include "support/process.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// Both ends of WebSocket connections, of a real library (tests/support/websocket/README.md).
namespace switchyard::test {

/// Lines of a program, one after the other.
class WebSocketProgram {
  public:
    explicit WebSocketProgram(std::vector<std::string> arguments)
        : process_(options(std::move(arguments))) {}

    /// The next line that begins like this, whatever comes before; throws when there is none.
    std::string line(std::string_view begin, Deadline deadline = {}) {
        for (;;) {
            const auto next = process_.read_line(deadline);
            if (!next) throw std::runtime_error("no line " + std::string(begin));
            if (next->starts_with(begin)) return *next;
        }
    }
    [[nodiscard]] Process& process() noexcept { return process_; }

  private:
    static ProcessOptions options(std::vector<std::string> arguments) {
        ProcessOptions made;
        arguments[0] = SWITCHYARD_SOURCE_DIR "/tests/support/websocket/" + arguments[0];
        made.arguments = std::move(arguments);
        made.environment = {{"PYTHONDONTWRITEBYTECODE", "1"}};
        made.pipe_output = true;
        return made;
    }

    Process process_;
};

class WebSocketServer : public WebSocketProgram {
  public:
    explicit WebSocketServer(std::string name)
        : WebSocketProgram({"serve", std::move(name)}),
          address_("127.0.0.1:" + line("listening").substr(10)) {}

    [[nodiscard]] const std::string& address() const noexcept { return address_; }

  private:
    std::string address_;
};

class WebSocketVisitor : public WebSocketProgram {
  public:
    /// `options` as `visit --help` tells.
    explicit WebSocketVisitor(const std::string& url, std::vector<std::string> options = {})
        : WebSocketProgram(arguments(url, std::move(options))) {}

    /// The code that the next connection to end was closed with.
    int closed(Deadline deadline = {}) { return std::stoi(line("closed ", deadline).substr(7)); }

  private:
    static std::vector<std::string> arguments(const std::string& url,
                                              std::vector<std::string> options) {
        options.insert(options.begin(), {"visit", url});
        return options;
    }
};

}  // namespace switchyard::test
