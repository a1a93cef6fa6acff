#pragma once

#include "admin/context.hpp"

/// Each function adds the commands of one group to the command line. The context must outlive it.
namespace switchyard::admin {

void add_status_command(CLI::App& app, Context& context);
void add_change_commands(CLI::App& app, Context& context);  ///< switch, rollback
void add_deploy_command(CLI::App& app, Context& context);
void add_preview_command(CLI::App& app, Context& context);
void add_canary_command(CLI::App& app, Context& context);
void add_hold_commands(CLI::App& app, Context& context);  ///< hold, release, maintenance
void add_history_command(CLI::App& app, Context& context);
void add_events_command(CLI::App& app, Context& context);
void add_ip_command(CLI::App& app, Context& context);
void add_daemon_commands(CLI::App& app, Context& context);  ///< reload, version
void add_completion_command(CLI::App& app, Context& context);

}  // namespace switchyard::admin
