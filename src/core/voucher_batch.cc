#include "core/voucher_batch.h"

#include <voucher_batch.pb.h>

#include <algorithm>

#include "base/check.h"

namespace hongbao {

std::string VoucherBatchCodec::print(const VoucherBatch& batch) const {
  CHECK(!batch.vouchers.empty());
  wire::VoucherBatch out;
  out.set_shard(to_text(batch.shard));
  out.set_term(batch.term.value);
  out.set_from(batch.vouchers.front().no.value);
  out.mutable_vouchers()->Reserve(static_cast<int>(batch.vouchers.size()));
  for (const Voucher& voucher : batch.vouchers) {
    auto& entry = *out.add_vouchers();
    entry.set_day(voucher.packet.day.since_epoch);
    entry.set_local(voucher.packet.local.value);
    entry.set_kind(static_cast<uint32_t>(voucher.kind));
    entry.set_seq(voucher.seq);
    entry.set_user(voucher.user.text());
    entry.set_amount(voucher.amount.fen());
    entry.set_at_unix_ms(voucher.at.unix_ms);
    entry.set_home_is_north(voucher.home == Region::kNorth);
    if (voucher.kind == VoucherKind::kPaid) {
      entry.set_paid_in(to_text(voucher.paid_in));
    }
  }
  std::string message(sizeof(Hash256), '\0');
  out.AppendToString(&message);
  const Hash256 mac = blake2b_keyed(keys_.newest(), as_bytes(message).subspan(sizeof(Hash256)));
  std::ranges::copy(mac, message.begin());
  return message;
}

std::optional<VoucherBatch> VoucherBatchCodec::parse(ShardId shard, std::string_view message) const {
  if (message.size() <= sizeof(Hash256)) {
    return std::nullopt;
  }
  const Bytes mac = as_bytes(message.substr(0, sizeof(Hash256)));
  const std::string_view body = message.substr(sizeof(Hash256));
  wire::VoucherBatch in;
  const bool is_ours =
      keys_.first_of([&](const Key256& key) { return equal_constant_time(mac, blake2b_keyed(key, as_bytes(body))); });
  if (!is_ours || !in.ParseFromArray(body.data(), static_cast<int>(body.size())) || in.shard() != to_text(shard) ||
      in.vouchers().empty() || in.from() == 0) {
    return std::nullopt;
  }
  VoucherBatch batch{shard, {in.term()}, {}};
  batch.vouchers.reserve(static_cast<size_t>(in.vouchers_size()));
  for (const auto& entry : in.vouchers()) {
    auto user = UserId::parse(entry.user());
    const auto paid_in = entry.paid_in().empty() ? LedgerId() : parse_ledger_id(entry.paid_in());
    if (!user || !paid_in || entry.kind() > UINT8_MAX) {
      return std::nullopt;
    }
    batch.vouchers.push_back({.no = {in.from() + batch.vouchers.size()},
                              .packet = {shard, {entry.day()}, {entry.local()}},
                              .kind = static_cast<VoucherKind>(entry.kind()),
                              .seq = entry.seq(),
                              .user = std::move(*user),
                              .amount = Money(entry.amount()),
                              .at = {entry.at_unix_ms()},
                              .home = entry.home_is_north() ? Region::kNorth : Region::kSouth,
                              .paid_in = *paid_in});
    if (!is_sound(batch.vouchers.back())) {
      return std::nullopt;
    }
  }
  return batch;
}

}  // namespace hongbao
