#include "service/sealed_orders.h"

#include <array>
#include <bit>

#include "base/little_endian.h"

namespace hongbao {
namespace {

template <class T>
void append_little_endian(std::string& out, T value) {
  std::array<char, sizeof value> bytes;
  store_little_endian(bytes.data(), value);
  out.append(bytes.data(), bytes.size());
}

}  // namespace

// What most batches hold is opens: they pass as they are.
CommitOutcome SealedOrders::commit(const CommitBatch& batch) {
  if (batch.activated.empty()) {
    return below_->commit(batch);
  }
  CommitBatch sealed = batch;
  for (Order& order : sealed.activated) {
    turn(order);
  }
  return below_->commit(sealed);
}

Result<std::optional<StoredPacket>> SealedOrders::load(const PacketKey& packet) {
  auto found = below_->load(packet);
  if (found && *found) {
    turn((**found).order);
  }
  return found;
}

Result<OrderStore::HotPacket> SealedOrders::load_hot(const PacketKey& packet) {
  auto found = below_->load_hot(packet);
  if (found && found->packet) {
    turn(found->packet->order);
  }
  return found;
}

void SealedOrders::turn(Order& order) const {
  const PacketKey& key = order.key;
  std::string about;
  append_little_endian(about, std::bit_cast<uint32_t>(key.day.since_epoch));
  append_little_endian(about, key.local.value);
  about += to_text(key.shard);
  const Hash256 pad = blake2b_keyed(keys_.of_day(key.day), as_bytes(about));
  for (size_t i = 0; i < pad.size(); ++i) {
    order.seed.bytes[i] ^= pad[i];
  }
}

}  // namespace hongbao
