// `hongbaoctl journal`: what was changed through a node's admin API, a line each. One thread.
#pragma once

#include <cstdint>

#include "apps/ctl/commands.h"

namespace hongbao {

// The exit status. `before`: entries with a smaller number; 0: the newest.
int show_journal(const CtlOptions& options, int64_t before);

}  // namespace hongbao
