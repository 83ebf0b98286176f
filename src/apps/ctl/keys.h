// The file of master keys that the settings name: to add a key, to list them, to retire one (docs/OPERATIONS.md). One
// writer at a time.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>

#include "apps/ctl/commands.h"
#include "core/ids.h"

namespace hongbao {

// The file that a new deployment begins with: one key, in force from the beginning.
std::string first_keys_file();

// A new key that is in force from that day, or from tomorrow (UTC+8). kConfig: the file can't be used, or has a key
// that begins as late; kInvalidField: the day is not after today.
Result<boost::json::object> add_key(const CtlOptions& options, std::optional<Day> from);
// Number, state, day and id of each, and whether it is in force.
Result<boost::json::object> list_keys(const CtlOptions& options);
// Leaves of a key what its days need. kInvalidField: there is none of that number, or no later one is in force.
Result<boost::json::object> retire_key(const CtlOptions& options, uint32_t number);

}  // namespace hongbao
