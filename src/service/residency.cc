#include "service/residency.h"

namespace hongbao {

std::unexpected<Error> packet_not_found() {
  return fail(ErrorCode::kNotFound, "there is no such packet", "id");
}

Residency::Packet Residency::resident(const PacketKey& key) const {
  const Shard* shard = shards_.find(key.shard);
  return shard == nullptr ? nullptr : shard->gate().find(key);
}

void Residency::find(const PacketKey& key, SteadyTime deadline, Done<Packet> done) const {
  if (auto packet = resident(key)) {
    done(std::move(packet));
  } else {
    load(key, deadline, std::move(done));
  }
}

void Residency::load(const PacketKey& key, SteadyTime deadline, Done<Packet> done) const {
  Shard* shard = shards_.find(key.shard);
  if (shard == nullptr) {
    done(packet_not_found());
    return;
  }
  if (shard->is_away()) {  // as the shard would say, without a way through its mailbox
    done(fail(ErrorCode::kFenced, "another node owns this packet's shard"));
    return;
  }
  shard->submit(LoadCommand{key}, deadline,
                [this, shard, key, done = std::move(done)](Result<ShardAnswer> loaded) mutable {
                  if (!loaded) {
                    done(std::unexpected(loaded.error()));
                    return;
                  }
                  if (loaded->outcome == ShardOutcome::kAbsent) {
                    explain_absence(key, std::move(done));
                    return;
                  }
                  auto packet = shard->gate().find(key);
                  if (packet) {
                    done(std::move(packet));
                  } else {  // evicted between its load and this look: memory is far too small
                    done(fail(ErrorCode::kOverloaded, "the packet could not stay in memory"));
                  }
                });
}

void Residency::explain_absence(const PacketKey& key, Done<Packet> done) const {
  pre_orders_.find(key, [done = std::move(done)](Result<std::optional<PreOrder>> found) mutable {
    if (found && *found) {
      done(fail(ErrorCode::kNotPaid, "this packet waits for its payment", "id"));
    } else {
      done(packet_not_found());
    }
  });
}

}  // namespace hongbao
