#pragma once

#include "admin/print/text.hpp"

#include <string>

#include <boost/json/value.hpp>

/// A switch or rollback, as text. Together the first and the last part are the receipt.
namespace switchyard::admin {

/// The event `committed`: what is live now, and how it came about.
std::string print_committed(const boost::json::value& event, const Screen& screen);

/// The event `draining`, one line without its end.
std::string print_draining(const boost::json::value& event);

/// The event `drained`: how the old slot's requests ended, and the way back.
std::string print_drained(const boost::json::value& event, const boost::json::value& committed,
                          const Screen& screen);

/// The end of the receipt when nobody waited for the drain (--no-wait).
std::string print_not_waited(const boost::json::value& committed, const Screen& screen);

/// The answer to --plan.
std::string print_plan(const boost::json::value& plan, const Screen& screen);

}  // namespace switchyard::admin
