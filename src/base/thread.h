// What the operating system knows of a thread. Called by the thread itself, first of all.
#pragma once

#include <string>

namespace hongbao {

// As `top -H` and profilers show it; at most 15 characters, longer names are cut.
void name_this_thread(const std::string& name);

// For work that users do not wait for (settlement, the inbox): at the peak it leaves the processors to opens, and
// catches up behind it. The scheduler still gives it a share, so it lags and never stands still.
void yield_to_users();

}  // namespace hongbao
