// `hongbaoctl wallet deposit`: money paid in once, however often the call is interrupted and repeated. One thread.
#pragma once

#include <string>

#include "apps/ctl/commands.h"
#include "core/ids.h"
#include "core/money.h"

namespace hongbao {

// The exit status. `key` is the idempotency key; when it is empty one is made, and told before anything is sent.
int deposit(const CtlOptions& options, const std::string& user, Money amount, std::string key);

}  // namespace hongbao
