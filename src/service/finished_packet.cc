#include "service/finished_packet.h"

#include <algorithm>

#include "core/limits.h"
#include "service/cache_record.h"

namespace hongbao {
namespace {

void print_order(RecordWriter& out, const Order& order) {
  out.text(order.sender.text());
  out.text(order.recipient.text());
  out.text(order.group.text());
  out.number(static_cast<uint64_t>(order.kind));
  out.number(static_cast<uint64_t>(order.rule));
  out.money(order.total);
  out.number(order.count);
  out.text({reinterpret_cast<const char*>(order.seed.bytes.data()), order.seed.bytes.size()});
  out.time(order.created_at);
  out.time(order.payable_until);
  out.time(order.paid_at);
  out.time(order.expires_at);
}

bool parse_order(RecordReader& in, Order& order) {
  const auto sender = UserId::parse(in.text());
  const std::string_view recipient_text = in.text();
  const auto recipient = recipient_text.empty() ? UserId() : UserId::parse(recipient_text);
  const std::string_view group_text = in.text();
  const auto group = group_text.empty() ? GroupId() : GroupId::parse(group_text);
  const uint64_t kind = in.number(static_cast<uint64_t>(PacketKind::kExclusive));
  const uint64_t rule = in.number(static_cast<uint64_t>(Rule::kEqual));
  order.total = in.money();
  order.count = static_cast<uint32_t>(in.number(kSharesPerPacketMax));
  const std::string_view seed = in.text();
  order.created_at = in.time();
  order.payable_until = in.time();
  order.paid_at = in.time();
  order.expires_at = in.time();
  if (!sender || !recipient || !group || kind == 0 || rule == 0 || seed.size() != order.seed.bytes.size()) {
    return false;
  }
  order.sender = *sender;
  order.recipient = *recipient;
  order.group = *group;
  order.kind = static_cast<PacketKind>(kind);
  order.rule = static_cast<Rule>(rule);
  std::ranges::copy(as_bytes(seed), order.seed.bytes.begin());
  return true;
}

bool parse_shares(RecordReader& in, FinishedPacket& packet) {
  const uint64_t count = in.number(std::min(packet.order.count, FinishedPacket::kSharesMax));
  packet.shares.reserve(count);
  for (uint32_t seq = 1; seq <= count; ++seq) {
    auto user = UserId::parse(in.text());
    if (!user) {
      return false;
    }
    const Money amount = in.money();
    const Timestamp opened_at = in.time();
    packet.shares.push_back({seq, std::move(*user), amount, opened_at, VoucherNo{in.number(INT64_MAX)}});
  }
  return true;
}

// What holds for every finished packet.
bool is_sound(const FinishedPacket& packet) {
  Money sum = packet.refunded;
  for (const Share& share : packet.shares) {
    sum += share.amount;
  }
  return is_finished(packet.state) && sum == packet.order.total &&
         (packet.state == PacketState::kExpired || packet.shares.size() == packet.order.count);
}

}  // namespace

std::shared_ptr<const FinishedPacket> FinishedPacket::of(const ResidentPacket& packet) {
  // The state first: whoever reads it as finished sees all shares.
  const PacketState state = packet.published_state();
  const ShareList& shares = packet.shares();
  if (!is_finished(state) || shares.published() > kSharesMax) {
    return nullptr;
  }
  auto finished = std::make_shared<FinishedPacket>(packet.order(), state, packet.published_refund());
  finished->shares.reserve(shares.published());
  for (uint32_t i = 0; i < shares.published(); ++i) {
    finished->shares.push_back(shares.at(i));
  }
  return finished;
}

std::string print(const FinishedPacket& packet, std::string_view cache_key) {
  RecordWriter out(RecordLayout::kFinishedPacket, cache_key);
  print_order(out, packet.order);
  out.number(static_cast<uint64_t>(packet.state));
  out.money(packet.refunded);
  out.number(packet.shares.size());
  for (const Share& share : packet.shares) {
    out.text(share.user.text());
    out.money(share.amount);
    out.time(share.opened_at);
    out.number(share.voucher.value);
  }
  return std::move(out).finish();
}

FinishedPacketRef parse_finished_packet(std::string_view record, const PacketKey& key, std::string_view cache_key) {
  RecordReader in(record, RecordLayout::kFinishedPacket, cache_key);
  auto packet = std::make_shared<FinishedPacket>();
  packet->order.key = key;
  if (!parse_order(in, packet->order)) {
    return nullptr;
  }
  packet->state = static_cast<PacketState>(in.number(kPacketStates));
  packet->refunded = in.money();
  if (!parse_shares(in, *packet) || !in.complete() || !is_sound(*packet)) {
    return nullptr;
  }
  return packet;
}

}  // namespace hongbao
