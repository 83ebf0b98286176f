#include "routing/route.h"

namespace hongbao {

Route Routes::find(ShardId id) const {
  if (id.region != region_) {
    return {.where = Route::Where::kOtherRegion};
  }
  const Shard* shard = shards_.find(id);
  if (shard == nullptr) {
    return {.where = Route::Where::kNoSuchShard};
  }
  if (shard->owns()) {
    return {.where = Route::Where::kHere};
  }
  auto owner = placement_.owner(id);
  if (!owner || placement_.is_self(*owner)) {
    return {.where = Route::Where::kNobodyKnown, .is_away = shard->is_away()};
  }
  return {.where = Route::Where::kNode, .node = std::move(*owner), .is_away = shard->is_away()};
}

}  // namespace hongbao
