#pragma once

#include "admin/client.hpp"
#include "admin/exit_code.hpp"
#include "admin/print/text.hpp"

#include <optional>
#include <ostream>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace switchyard::admin {

/// What every command needs: where the daemon is, how to print, and how it all ended.
struct Context {
    Context(std::ostream& to, std::ostream& errors, const Screen& what)
        : out(to), err(errors), screen(what) {}

    std::string socket;
    bool json = false;
    std::ostream& out;
    std::ostream& err;
    Screen screen;
    ExitCode exit_code = kDone;

    [[nodiscard]] Client client() const { return Client(socket); }
    /// One that gives up when `interrupt` is readable.
    [[nodiscard]] Client client(int interrupt) const {
        Client::Limits limits;
        limits.interrupt = interrupt;
        return Client(socket, limits);
    }
};

/// Adds --json and --socket to a command.
void add_common_options(CLI::App& command, Context& context);

/// Asks the daemon. With --json the answer is printed as it came; a refusal or a failure is
/// printed in any case, sets the exit code, and returns none.
std::optional<Answer> ask(Context& context, std::string_view method, const std::string& target,
                          std::string_view body = {});

/// The parts of ask(): what came instead of a good answer.
void report(Context& context, const Failure& failure);
void report_refusal(Context& context, const Answer& answer);

/// Prints JSON as it came, as one line or block with an end.
void print_json(Context& context, std::string_view json);

}  // namespace switchyard::admin
