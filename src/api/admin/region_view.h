// Puts together what every node said of itself and what the databases know into one view of the region, and finds what
// is wrong in it. Values in, values out.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <string>

#include "service/region_watch.h"

namespace hongbao {

// A commit that takes longer is told of.
inline constexpr std::chrono::milliseconds kCommitPendingMax{1'000};

// What each node said (RegionStatus::own); none: it did not answer.
using NodeReports = std::map<std::string, std::optional<boost::json::object>>;

std::string describe(const EngineSeen& engine, SteadyTime now);
boost::json::array engines_json(const RegionFacts& facts, SteadyTime now);

// {"node", "ok", "troubles", "nodes", "shards", "engines"}: by the node `self`, whose own report is among `reports`.
boost::json::object region_view(const std::string& self, const RegionFacts& facts, const NodeReports& reports,
                                SteadyTime now);

}  // namespace hongbao
