#include "shard/resident_packet.h"

#include "base/check.h"

namespace hongbao {
namespace {

constexpr uint64_t kTimeMask = (1ULL << 48) - 1;
// A node of the packet table with its bucket, and a place in the eviction ring.
constexpr size_t kPlaceBytes = 40;

uint64_t packed(Timestamp at) {
  const auto ms = static_cast<uint64_t>(at.unix_ms);
  CHECK(ms <= kTimeMask);
  return ms;
}

uint32_t packed(Money total) {
  CHECK(total >= Money(1) && total.fen() <= UINT32_MAX);
  return static_cast<uint32_t>(total.fen());
}

// What a text takes besides the string itself.
size_t bytes_apart(const std::string& text) {
  static const size_t in_place = std::string().capacity();
  return text.capacity() > in_place ? text.capacity() + 1 : 0;
}

bool fits(Timestamp at) {
  return at.unix_ms >= 0 && static_cast<uint64_t>(at.unix_ms) <= kTimeMask;
}

bool is_sound(const Order& order) {
  const bool known = order.kind >= PacketKind::kLucky && order.kind <= PacketKind::kExclusive &&
                     order.rule >= Rule::kClassic && order.rule <= Rule::kEqual;
  const bool exclusive = order.kind == PacketKind::kExclusive;
  return known && !order.sender.empty() && exclusive != order.recipient.empty() && order.count >= 1 &&
         order.count <= kSharesPerPacketMax && kShareLeast * order.count <= order.total &&
         order.total <= kShareGreatest * order.count && fits(order.created_at) && fits(order.payable_until) &&
         fits(order.paid_at) && fits(order.expires_at);
}

// Whether the shares from `index` on can be drawn from what is left before it.
bool can_be_drawn(const Order& order, uint32_t index, Money left) {
  const int64_t shares = order.count - index;
  return kShareLeast * shares <= left && left <= kShareGreatest * shares;
}

bool is_sound(const Voucher& opened, const Order& order, uint32_t index) {
  const bool as_drawn = order.rule != Rule::kEqual || opened.amount == draw_share(order, Money(0), index + 1);
  return hongbao::is_sound(opened) && opened.seq == index + 1 && fits(opened.at) &&
         opened.no.value <= ShareList::kVoucherMax && as_drawn;
}

}  // namespace

// The other side of what the engine asserted when it wrote the rows.
std::optional<std::string_view> broken_rule(const StoredPacket& stored) {
  const Order& order = stored.order;
  if (!is_sound(order)) {
    return "a packet is as it was ordered";
  }
  if (stored.opened.size() > order.count) {
    return "n ≤ count";
  }
  Money left = order.total;
  uint32_t index = 0;
  for (const Voucher& opened : stored.opened) {
    if (!is_sound(opened, order, index) || opened.amount > left ||
        !can_be_drawn(order, ++index, left - opened.amount)) {
      return "shares are as they were drawn";
    }
    left -= opened.amount;
  }
  switch (stored.state) {
    case PacketState::kActive:
      return !stored.refunded && index < order.count
                 ? std::nullopt
                 : std::optional<std::string_view>("an active packet has a share left");
    case PacketState::kExhausted:
      return !stored.refunded && index == order.count ? std::nullopt
                                                      : std::optional<std::string_view>("n = count when exhausted");
    case PacketState::kExpired:
      return index < order.count && stored.refunded && stored.refunded->amount == left
                 ? std::nullopt
                 : std::optional<std::string_view>("opened + refunded = total once expired");
    case PacketState::kAwaitingPayment:
      break;
  }
  return "a packet has a state";
}

ResidentPacket::ResidentPacket(const Order& order)
    : unpublished_(true),
      total_fen_(packed(order.total)),
      key_(order.key),
      sender_(order.sender),
      audience_(audience_of(order)),
      seed_(order.seed),
      created_at_ms_(packed(order.created_at) & kTimeMask),
      kind_(static_cast<uint8_t>(order.kind)),
      rule_(static_cast<uint8_t>(order.rule)),
      payable_until_ms_(packed(order.payable_until) & kTimeMask),
      sender_home_(static_cast<uint8_t>(order.sender_home)),
      paid_in_region_(static_cast<uint8_t>(order.paid_in.region)),
      paid_at_ms_(packed(order.paid_at) & kTimeMask),
      paid_in_number_(order.paid_in.number),
      expires_at_ms_(packed(order.expires_at) & kTimeMask),
      shares_(order.count) {}

ResidentPacket::ResidentPacket(const StoredPacket& stored) : ResidentPacket(stored.order) {
  for (const Voucher& voucher : stored.opened) {
    append({voucher.seq, voucher.user, voucher.amount, voucher.at, voucher.no});
  }
  state_ = stored.state;
  publish();
}

std::unique_ptr<const ResidentPacket::Audience> ResidentPacket::audience_of(const Order& order) {
  return order.recipient.empty() && order.group.empty()
             ? nullptr
             : std::make_unique<const Audience>(Audience{order.recipient, order.group});
}

Order ResidentPacket::order() const {
  return {.key = key_,
          .sender = sender(),
          .sender_home = sender_home(),
          .recipient = audience_ ? audience_->recipient : UserId(),
          .group = audience_ ? audience_->group : GroupId(),
          .kind = static_cast<PacketKind>(kind_),
          .rule = static_cast<Rule>(rule_),
          .total = total(),
          .count = count(),
          .seed = seed_,
          .created_at = {static_cast<int64_t>(created_at_ms_)},
          .payable_until = {static_cast<int64_t>(payable_until_ms_)},
          .paid_at = paid_at(),
          .expires_at = expires_at(),
          .paid_in = paid_in()};
}

Money ResidentPacket::unclaimed() const {
  return state_ == PacketState::kExpired ? Money(0) : total() - shares_.sum(shares_.appended());
}

Money ResidentPacket::draw_next() const {
  return draw_share({static_cast<Rule>(rule_), total(), count(), seed_}, unclaimed(), shares_.appended() + 1);
}

void ResidentPacket::advance(PacketEvent event) {
  const auto next = next_state(state_, event);
  CHECK(next.has_value());
  CHECK(*next != PacketState::kExpired || unclaimed() >= Money(1));
  state_ = *next;
  unpublished_ = true;
}

void ResidentPacket::append(const Share& share) {
  CHECK(share.amount >= Money(1) && share.amount <= unclaimed());
  shares_.append(share);
  unpublished_ = true;
}

void ResidentPacket::publish() {
  shares_.publish();
  // Last: whoever sees the packet finished sees all of its shares.
  published_state_.store(state_, std::memory_order_release);
  unpublished_ = false;
}

Money ResidentPacket::published_refund() const {
  if (published_state() != PacketState::kExpired) {
    return Money(0);
  }
  return total() - shares_.sum(shares_.published());
}

size_t ResidentPacket::bytes() const {
  const size_t audience =
      audience_ ? sizeof(Audience) + bytes_apart(audience_->recipient.text()) + bytes_apart(audience_->group.text())
                : 0;
  return sizeof(*this) + shares_.bytes() + kPlaceBytes + audience;
}

}  // namespace hongbao
