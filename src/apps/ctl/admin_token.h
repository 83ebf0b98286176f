// `hongbaoctl admin-token`: the file that names who may ask the admin API for what (api/admin/admin_tokens.h). A server
// reads it again within a second, so nothing is restarted. One thread.
#pragma once

#include <string>

#include "api/admin/admin_tokens.h"
#include "apps/ctl/commands.h"

namespace hongbao {

// The token, which is told this once. A file that is not there is made.
Result<std::string> add_admin_token(const CtlOptions& options, const std::string& name, AdminRole role);
Result<std::vector<AdminToken>> list_admin_tokens(const CtlOptions& options);
Result<void> revoke_admin_token(const CtlOptions& options, const std::string& name);

// The text of a new file with one token.
std::string first_admin_tokens(const std::string& token);

}  // namespace hongbao
