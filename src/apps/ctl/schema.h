// `hongbaoctl schema`: the MariaDB databases of a deployment, and their versions.
#pragma once

#include <string>

#include "base/result.h"

namespace hongbao {

// A line for each database: its version, and the one that is wanted. With `migrate` those that are missing or behind
// are made and taken to the wanted version first. `config` is the server's TOML file. kConfig for a deployment without
// MariaDB.
Result<std::string> run_schema(const std::string& config, bool migrate, bool as_json);

}  // namespace hongbao
