// What must be the same on all nodes that live at one time, as settings that are told with their keys. Every node says
// its own with its beats (ports/membership.h), and one that differs may not join. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ports/membership.h"

namespace hongbao {

// Keys and their values, without line ends and "=".
using Facts = std::vector<std::pair<std::string, std::string>>;

// One "key=value" a line.
std::string print(const Facts& facts);

// kConfig: a member with another name says otherwise; the error names the first such key, its value here and there, and
// what to do. Who says nothing of a key agrees.
Result<void> require_agreement(const Member& self, const std::vector<Member>& members);

}  // namespace hongbao
