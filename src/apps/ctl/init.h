// `hongbaoctl init`: a directory that a server can start from.
#pragma once

#include <string>

#include "base/result.h"

namespace hongbao {

// Writes DIR/hongbao.toml with every key at its default, and fresh secrets (mode 0600) in DIR/secrets, among them
// an operator's token for the admin API. kConfig when the
// directory has a hongbao.toml already. Returns the path of the TOML file.
Result<std::string> init_directory(const std::string& directory);

}  // namespace hongbao
