#include "core/stored_day.h"

#include <fmt/format.h>
#include <sodium.h>

namespace hongbao {

std::string to_text(DayPart part) {
  return part.number == 1 ? part.day.yyyymmdd() : fmt::format("{}_{}", part.day.yyyymmdd(), part.number);
}

void VoucherSums::add(VoucherKind kind, Money amount) {
  switch (kind) {
    case VoucherKind::kPaid:
      paid = paid.plus_clamped(amount);
      return;
    case VoucherKind::kOpened:
      opened = opened.plus_clamped(amount);
      return;
    case VoucherKind::kRefunded:
      refunded = refunded.plus_clamped(amount);
      return;
  }
}

VoucherSums& VoucherSums::operator+=(const VoucherSums& other) {
  paid = paid.plus_clamped(other.paid);
  opened = opened.plus_clamped(other.opened);
  refunded = refunded.plus_clamped(other.refunded);
  return *this;
}

// Fields in a fixed order, integers little-endian, texts behind their length: no two rows look alike.
struct DayDigest::Hasher {
  Hasher() { crypto_generichash_init(&state, nullptr, 0, std::tuple_size_v<Hash256>); }

  void integer(uint64_t value) {
    std::array<uint8_t, 8> bytes;
    for (size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<uint8_t>(value >> (8 * i));
    }
    crypto_generichash_update(&state, bytes.data(), bytes.size());
  }
  void integer(Timestamp at) { integer(static_cast<uint64_t>(at.unix_ms)); }
  void integer(Money amount) { integer(static_cast<uint64_t>(amount.fen())); }
  void bytes(Bytes data) {
    integer(data.size());
    crypto_generichash_update(&state, data.data(), data.size());
  }

  crypto_generichash_state state{};
};

DayDigest::DayDigest() : hasher_(std::make_unique<Hasher>()) {}
DayDigest::~DayDigest() = default;

void DayDigest::add(const PacketRow& packet) {
  const Order& order = packet.order;
  hasher_->integer(order.key.local.value);
  hasher_->bytes(as_bytes(order.sender.text()));
  hasher_->bytes(as_bytes(order.recipient.text()));
  hasher_->integer(static_cast<uint64_t>(order.kind));
  hasher_->integer(static_cast<uint64_t>(order.rule));
  hasher_->integer(order.total);
  hasher_->integer(order.count);
  hasher_->bytes(order.seed.bytes);
  hasher_->integer(order.created_at);
  hasher_->integer(order.payable_until);
  hasher_->integer(order.paid_at);
  hasher_->integer(order.expires_at);
  hasher_->integer(static_cast<uint64_t>(packet.state));
  hasher_->bytes(as_bytes(order.group.text()));
  hasher_->bytes(as_bytes(region_name(order.sender_home)));
  hasher_->bytes(as_bytes(to_text(order.paid_in)));
  ++totals_.packets;
  totals_.packets_total = totals_.packets_total.plus_clamped(order.total);
}

void DayDigest::add(const Voucher& voucher) {
  hasher_->integer(voucher.no.value);
  hasher_->integer(voucher.packet.local.value);
  hasher_->integer(static_cast<uint64_t>(voucher.kind));
  hasher_->integer(voucher.seq);
  hasher_->bytes(as_bytes(voucher.user.text()));
  hasher_->integer(voucher.amount);
  hasher_->integer(voucher.at);
  hasher_->bytes(as_bytes(region_name(voucher.home)));
  hasher_->bytes(as_bytes(voucher.kind == VoucherKind::kPaid ? to_text(voucher.paid_in) : ""));
  totals_.least = totals_.vouchers == 0 ? voucher.no : totals_.least;
  totals_.greatest = voucher.no;
  ++totals_.vouchers;
  totals_.sums.add(voucher.kind, voucher.amount);
}

DayTotals DayDigest::finish() {
  crypto_generichash_final(&hasher_->state, totals_.checksum.data(), totals_.checksum.size());
  return totals_;
}

}  // namespace hongbao
