#include "api/public/json_output.h"

#include <fmt/compile.h>

#include <boost/json/array.hpp>

namespace hongbao {
namespace {

namespace json = boost::json;

json::object order_json(const Order& order, const std::string& id, PacketState state, const std::string& greeting) {
  json::object out{{"id", id},
                   {"state", to_text(state)},
                   {"kind", to_text(order.kind)},
                   {"allocation", to_text(order.rule)},
                   {"count", order.count},
                   {"sender_id", order.sender.text()},
                   {"greeting", greeting},
                   {"commitment", to_hex(commitment(order.seed, id))},
                   {"created_at", to_rfc3339(order.created_at)}};
  if (!order.recipient.empty()) {
    out["recipient_id"] = order.recipient.text();
  }
  if (!order.group.empty()) {
    out["group_id"] = order.group.text();
  }
  if (state == PacketState::kAwaitingPayment) {
    out["payable_until"] = to_rfc3339(order.payable_until);
  } else {
    out["paid_at"] = to_rfc3339(order.paid_at);
    out["expires_at"] = to_rfc3339(order.expires_at);
  }
  if (is_finished(state)) {
    out["seed"] = to_hex(order.seed.bytes);
  }
  return out;
}

// What is known of it.
void add_profile(json::object& out, const std::string& prefix, const Profile& profile) {
  if (!profile.nickname.empty()) {
    out[prefix + "nickname"] = profile.nickname;
  }
  if (!profile.avatar.empty()) {
    out[prefix + "avatar"] = profile.avatar;
  }
}

std::string share_fields(const Share& share) {
  return fmt::format(FMT_COMPILE(R"({{"seq":{},"amount":{},"opened_at":"{}","voucher":{}}})"), share.seq,
                     share.amount.fen(), to_rfc3339(share.opened_at), share.voucher.value);
}

}  // namespace

json::object packet_json(const PacketView& view) {
  json::object out = order_json(view.order, view.id, view.state, view.greeting);
  if (view.shows_amounts) {
    out["opened_count"] = view.opened_count;  // in a `classic` packet the place alone tells something of the amount
    out["total_amount"] = view.order.total.fen();
    out["opened_amount"] = view.opened_amount.fen();
  }
  if (view.sender_profile) {
    add_profile(out, "sender_", *view.sender_profile);
  }
  if (view.state == PacketState::kExpired) {
    out["refunded_amount"] = view.refunded_amount.fen();
  }
  return out;
}

json::object packet_json(const PreOrder& pre_order, const std::string& id) {
  return packet_json(PacketView{.id = id, .order = pre_order.order, .greeting = pre_order.greeting});
}

std::string grab_json(const GrabAnswer& answer) {
  if (answer.outcome == OpenOutcome::kTicket) {
    return fmt::format(FMT_COMPILE(R"({{"outcome":"ticket","ticket":"{}","ticket_expires_at":"{}"}})"), answer.ticket,
                       to_rfc3339(answer.ticket_expires_at));
  }
  return answer.share ? fmt::format(FMT_COMPILE(R"({{"outcome":"opened","share":{}}})"), share_fields(*answer.share))
                      : fmt::format(FMT_COMPILE(R"({{"outcome":"{}"}})"), to_text(answer.outcome));
}

std::string open_json(const OpenAnswer& answer) {
  return answer.share ? fmt::format(FMT_COMPILE(R"({{"outcome":"opened","share":{}}})"), share_fields(*answer.share))
                      : fmt::format(FMT_COMPILE(R"({{"outcome":"{}"}})"), to_text(answer.outcome));
}

json::object shares_json(const SharesPage& page) {
  json::array shares;
  for (size_t i = 0; i < page.shares.size(); ++i) {
    const Share& share = page.shares[i];
    json::object entry{{"seq", share.seq},
                       {"user_id", share.user.text()},
                       {"amount", share.amount.fen()},
                       {"opened_at", to_rfc3339(share.opened_at)},
                       {"voucher", share.voucher.value}};
    if (page.luckiest_seq) {
      entry["luckiest"] = share.seq == *page.luckiest_seq;
    }
    if (i < page.profiles.size() && page.profiles[i]) {
      add_profile(entry, "", *page.profiles[i]);
    }
    shares.push_back(std::move(entry));
  }
  return {{"shares", std::move(shares)}};
}

json::object sent_json(const std::vector<SentEntry>& entries, const PacketIdCodec& ids) {
  json::array packets;
  for (const SentEntry& entry : entries) {
    packets.push_back({{"packet_id", ids.print(entry.packet)},
                       {"total_amount", entry.total.fen()},
                       {"refunded_amount", entry.refunded.fen()},
                       {"paid_at", to_rfc3339(entry.paid_at)}});
  }
  return {{"packets", std::move(packets)}};
}

json::object received_json(const std::vector<ReceivedEntry>& entries, const PacketIdCodec& ids) {
  json::array shares;
  for (const ReceivedEntry& entry : entries) {
    shares.push_back({{"packet_id", ids.print(entry.packet)},
                      {"seq", entry.seq},
                      {"amount", entry.amount.fen()},
                      {"opened_at", to_rfc3339(entry.opened_at)},
                      {"voucher", entry.voucher.value}});
  }
  return {{"shares", std::move(shares)}};
}

json::object summary_json(int year, const YearSummary& summary) {
  return {{"year", year},
          {"sent_count", summary.sent_count},
          {"sent_amount", summary.sent_total.fen()},
          {"refunded_amount", summary.refunded_total.fen()},
          {"received_count", summary.received_count},
          {"received_amount", summary.received_total.fen()}};
}

json::object transfers_json(const std::vector<WalletTransfer>& transfers, const UserId& user,
                            const PacketIdCodec& ids) {
  json::array out;
  for (const WalletTransfer& entry : transfers) {
    const Transfer& transfer = entry.transfer;
    json::object item{{"id", transfer.id},
                      {"kind", to_text(transfer.kind)},
                      {"direction", transfer.credit == AccountId::user(user) ? "in" : "out"},
                      {"amount", transfer.amount.fen()},
                      {"at", to_rfc3339(transfer.at)}};
    if (transfer.packet) {
      item["packet_id"] = ids.print(*transfer.packet);
    }
    out.push_back(std::move(item));
  }
  return {{"transfers", std::move(out)}};
}

}  // namespace hongbao
