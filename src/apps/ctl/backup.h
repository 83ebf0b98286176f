// `hongbaoctl backup` and `hongbaoctl restore`: an embedded deployment's data, out and in.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "apps/ctl/commands.h"

namespace hongbao {

// Asks the running server, and waits for it; without one, makes it here. Returns what was made.
Result<boost::json::object> run_backup(const CtlOptions& options, const std::string& directory);
Result<boost::json::object> run_restore(const CtlOptions& options, const std::string& directory, bool replace);

}  // namespace hongbao
