#include "adapters/nats/voucher_codec.h"

#include <voucher_batch.pb.h>
#include "base/check.h"

namespace hongbao::nats {

std::string encode_vouchers(ShardId shard, std::span<const Voucher> vouchers) {
  CHECK(!vouchers.empty());
  wire::VoucherBatch batch;
  batch.set_shard(to_text(shard));
  batch.set_from(vouchers.front().no.value);
  batch.mutable_vouchers()->Reserve(static_cast<int>(vouchers.size()));
  for (const Voucher& voucher : vouchers) {
    auto& entry = *batch.add_vouchers();
    entry.set_day(voucher.packet.day.since_epoch);
    entry.set_local(voucher.packet.local.value);
    entry.set_kind(static_cast<uint32_t>(voucher.kind));
    entry.set_seq(voucher.seq);
    entry.set_user(voucher.user.text());
    entry.set_amount(voucher.amount.fen());
    entry.set_at_unix_ms(voucher.at.unix_ms);
  }
  return batch.SerializeAsString();
}

std::optional<std::vector<Voucher>> decode_vouchers(ShardId shard, std::string_view bytes) {
  wire::VoucherBatch batch;
  if (!batch.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || batch.shard() != to_text(shard) ||
      batch.vouchers().empty() || batch.from() == 0) {
    return std::nullopt;
  }
  std::vector<Voucher> vouchers;
  vouchers.reserve(static_cast<size_t>(batch.vouchers_size()));
  for (const auto& entry : batch.vouchers()) {
    auto user = UserId::parse(entry.user());
    if (!user) {
      return std::nullopt;
    }
    vouchers.push_back({.no = {batch.from() + vouchers.size()},
                        .packet = {shard, {entry.day()}, {entry.local()}},
                        .kind = static_cast<VoucherKind>(entry.kind()),
                        .seq = entry.seq(),
                        .user = std::move(*user),
                        .amount = Money(entry.amount()),
                        .at = {entry.at_unix_ms()}});
    if (entry.kind() > UINT8_MAX || !is_sound(vouchers.back())) {
      return std::nullopt;
    }
  }
  return vouchers;
}

}  // namespace hongbao::nats
