// Every setting of the server, once: key, type, unit, range, default, what it is, and with which engines it acts. The
// reader (apps/settings.cc), the file that `hongbaoctl init` writes and the manual (docs/CONFIGURATION.md) are made
// from it.
#pragma once

#include <string>
#include <vector>

#include "apps/setting.h"
#include "apps/settings.h"

namespace hongbao {

// The operator names as many sections of this kind as there are payment channels.
inline constexpr std::string_view kChannelSection = "channels.NAME";

// In the order in which they are read: a default may rest on what was read before it. `s` takes what is read.
std::vector<SettingSection> settings_table(Settings& s);

// DIR/hongbao.toml of `hongbaoctl init DIR`: every setting at its default, or as a comment.
std::string settings_file();
// docs/CONFIGURATION.md.
std::string settings_manual();

}  // namespace hongbao
