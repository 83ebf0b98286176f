// Whether a data directory and the settings belong together. Checked before anything is opened: a shard that is left
// out would hide packets and their money instead of failing. The owner's thread.
#pragma once

#include <set>
#include <string>

#include "base/result.h"
#include "core/ids.h"

namespace hongbao {

// The name of a shard's database in the directory.
std::string order_file(ShardId shard);

// kConfig when the directory holds orders of a shard that is not among `shards`.
Result<void> check_shards(const std::string& data_dir, const std::string& deployment, const std::set<ShardId>& shards);

}  // namespace hongbao
