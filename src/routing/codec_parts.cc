#include "routing/codec_parts.h"

#include <algorithm>

#include "core/limits.h"

namespace hongbao::wire {
namespace {

constexpr Money kPacketGreatest{kShareGreatest.fen() * kSharesPerPacketMax};
constexpr int64_t kTimeMax_ms = 253'402'300'799'999;  // the end of the year 9999, which RFC 3339 can write
constexpr int32_t kDayFirst = 10'957;                 // 2000-01-01, and
constexpr int32_t kDayLast = 47'481;                  // 2099-12-31: the days that a packet id can name
constexpr size_t kBytesPerCharacterMax = 4;

template <size_t N>
void write_bytes(const std::array<uint8_t, N>& bytes, std::string& out) {
  out.assign(bytes.begin(), bytes.end());
}

template <size_t N>
bool read_bytes(const std::string& in, std::array<uint8_t, N>& bytes) {
  if (in.size() != N) {
    return false;
  }
  std::ranges::copy(in, bytes.begin());
  return true;
}

// As its sender had to ask for it.
bool is_sound(const Order& order) {
  return check_send_request({.kind = order.kind,
                             .rule = order.rule,
                             .total = order.total,
                             .count = order.count,
                             .greeting = {},
                             .recipient = order.recipient,
                             .group = order.group})
      .has_value();
}

}  // namespace

bool read_user(const std::string& text, UserId& user) {
  auto read = UserId::parse(text);
  user = std::move(read).value_or(UserId());
  return !user.empty();
}

bool read_group(const std::string& text, GroupId& group) {
  auto read = GroupId::parse(text);
  group = std::move(read).value_or(GroupId());
  return text.empty() != !group.empty();
}

bool read_time(int64_t unix_ms, Timestamp& at) {
  at.unix_ms = unix_ms;
  return unix_ms >= 0 && unix_ms <= kTimeMax_ms;
}

bool read_money(int64_t fen, Money& money) {
  money = Money(fen);
  return money >= Money(0) && money <= kPacketGreatest;
}

void write(const PacketKey& key, pb::PacketKey& out) {
  out.set_shard(to_text(key.shard));
  out.set_day(key.day.since_epoch);
  out.set_local(key.local.value);
}

bool read(const pb::PacketKey& in, PacketKey& key) {
  const auto shard = parse_shard_id(in.shard());
  key = {shard.value_or(ShardId()), Day{in.day()}, LocalNo{in.local()}};
  return shard && in.day() >= kDayFirst && in.day() <= kDayLast && in.local() >> LocalNo::kBits == 0;
}

void write(const Order& order, pb::Order& out) {
  write(order.key, *out.mutable_packet());
  out.set_sender(order.sender.text());
  out.set_recipient(order.recipient.text());
  out.set_group(order.group.text());
  out.set_sender_home_is_north(order.sender_home == Region::kNorth);
  out.set_kind(static_cast<uint32_t>(order.kind));
  out.set_rule(static_cast<uint32_t>(order.rule));
  out.set_total_fen(order.total.fen());
  out.set_count(order.count);
  write_bytes(order.seed.bytes, *out.mutable_seed());
  out.set_created_at_ms(order.created_at.unix_ms);
  out.set_payable_until_ms(order.payable_until.unix_ms);
  out.set_paid_at_ms(order.paid_at.unix_ms);
  out.set_expires_at_ms(order.expires_at.unix_ms);
  if (order.send_key) {
    write_bytes(*order.send_key, *out.mutable_send_key());
  }
}

bool read(const pb::Order& in, Order& order) {
  order.kind = static_cast<PacketKind>(in.kind());
  order.rule = static_cast<Rule>(in.rule());
  const bool is_known = in.kind() >= 1 && in.kind() <= 3 && in.rule() >= 1 && in.rule() <= 3;
  order.count = in.count();
  order.sender_home = in.sender_home_is_north() ? Region::kNorth : Region::kSouth;
  if (!is_known || !read(in.packet(), order.key) || !read_user(in.sender(), order.sender) ||
      !(in.recipient().empty() || read_user(in.recipient(), order.recipient)) || !read_group(in.group(), order.group) ||
      !read_money(in.total_fen(), order.total) || !read_bytes(in.seed(), order.seed.bytes) ||
      !read_time(in.created_at_ms(), order.created_at) || !read_time(in.payable_until_ms(), order.payable_until) ||
      !read_time(in.paid_at_ms(), order.paid_at) || !read_time(in.expires_at_ms(), order.expires_at)) {
    return false;
  }
  if (!in.send_key().empty() && !read_bytes(in.send_key(), order.send_key.emplace())) {
    return false;
  }
  return is_sound(order);
}

void write(const SealedOrder& ordered, pb::SealedOrder& out) {
  write(ordered.order, *out.mutable_order());
  out.set_pay_token(ordered.pay_token);
}

bool read(const pb::SealedOrder& in, SealedOrder& ordered) {
  ordered.pay_token = in.pay_token();
  return !ordered.pay_token.empty() && ordered.pay_token.size() <= kTokenBytesMax && read(in.order(), ordered.order);
}

void write(const Profile& profile, pb::Profile& out) {
  out.set_nickname(profile.nickname);
  out.set_avatar(profile.avatar);
}

bool read(const pb::Profile& in, ProfileRef& profile) {
  profile = std::make_shared<const Profile>(in.nickname(), in.avatar());
  return in.nickname().size() <= Profile::kNicknameCharactersMax * kBytesPerCharacterMax &&
         in.avatar().size() <= Profile::kAvatarLengthMax;
}

void write(const Share& share, pb::Share& out) {
  out.set_seq(share.seq);
  out.set_user(share.user.text());
  out.set_amount_fen(share.amount.fen());
  out.set_opened_at_ms(share.opened_at.unix_ms);
  out.set_voucher(share.voucher.value);
}

bool read(const pb::Share& in, Share& share) {
  share.seq = in.seq();
  share.voucher = VoucherNo{in.voucher()};
  return share.seq >= 1 && share.seq <= kSharesPerPacketMax && share.voucher.value >= 1 &&
         read_user(in.user(), share.user) && read_money(in.amount_fen(), share.amount) && share.amount >= kShareLeast &&
         share.amount <= kShareGreatest && read_time(in.opened_at_ms(), share.opened_at);
}

void write(const PacketView& view, pb::PacketView& out) {
  out.set_id(view.id);
  write(view.order, *out.mutable_order());
  out.set_state(static_cast<uint32_t>(view.state));
  out.set_opened_count(view.opened_count);
  out.set_opened_fen(view.opened_amount.fen());
  out.set_refunded_fen(view.refunded_amount.fen());
  out.set_greeting(view.greeting);
  out.set_hides_amounts(!view.shows_amounts);
  if (view.sender_profile) {
    write(*view.sender_profile, *out.mutable_sender_profile());
  }
}

bool read(const pb::PacketView& in, PacketView& view) {
  view.id = in.id();
  view.state = static_cast<PacketState>(in.state());
  view.opened_count = in.opened_count();
  view.greeting = in.greeting();
  view.shows_amounts = !in.hides_amounts();
  return PacketIdCodec::has_form(view.id) && in.state() >= 1 && in.state() <= kPacketStates &&
         read(in.order(), view.order) && view.opened_count <= view.order.count &&
         read_money(in.opened_fen(), view.opened_amount) && read_money(in.refunded_fen(), view.refunded_amount) &&
         view.greeting.size() <= kGreetingCharactersMax * kBytesPerCharacterMax &&
         (!in.has_sender_profile() || read(in.sender_profile(), view.sender_profile));
}

}  // namespace hongbao::wire
