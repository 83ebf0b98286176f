// Whether a data directory and the settings belong together. Checked before anything is opened: a shard that is left
// out, or a foreign master key, would hide packets and their money instead of failing. The owner's thread.
#pragma once

#include <set>
#include <string>

#include "adapters/sqlite/data_dir.h"
#include "base/crypto.h"
#include "base/result.h"
#include "core/ids.h"

namespace hongbao {

std::string order_file(const std::string& data_dir, ShardId shard);

// kConfig when the directory holds orders of a shard that is not among `shards`.
Result<void> check_shards(const std::string& data_dir, const std::set<ShardId>& shards);

// Remembers which master key the directory was made with, by a value derived from it. kConfig for another key.
Result<void> check_master_key(const DataDir& data_dir, const Key128& key_id);

}  // namespace hongbao
