#include "core/pay_token.h"

#include <boost/json.hpp>

#include "base/check.h"

namespace hongbao {
namespace {

namespace json = boost::json;

constexpr int64_t kVersion = 4;

std::string_view text_view(const json::string& text) {
  return {text.data(), text.size()};
}

template <size_t N>
std::array<uint8_t, N> read_bytes(const json::value& field) {
  const auto found = from_base64url(text_view(field.as_string()));
  CHECK(found && found->size() == N);
  std::array<uint8_t, N> bytes;
  std::copy(found->begin(), found->end(), bytes.begin());
  return bytes;
}

}  // namespace

std::string PayTokenCodec::print(const Order& order, const SealNonce& nonce) const {
  const json::array fields{kVersion,
                           to_text(order.key.shard),
                           order.key.day.since_epoch,
                           order.key.local.value,
                           order.sender.text(),
                           order.recipient.text(),
                           static_cast<int64_t>(order.kind),
                           static_cast<int64_t>(order.rule),
                           order.total.fen(),
                           static_cast<int64_t>(order.count),
                           to_base64url(order.seed.bytes),
                           order.created_at.unix_ms,
                           order.payable_until.unix_ms,
                           order.send_key ? to_base64url(*order.send_key) : "",
                           order.group.text(),
                           region_name(order.sender_home)};
  return to_base64url(as_bytes(seal(keys_.newest(), nonce, json::serialize(fields))));
}

std::optional<Order> PayTokenCodec::parse(std::string_view token) const {
  const auto sealed = from_base64url(token);
  const auto plain = sealed ? keys_.first_of([&](const Key256& key) { return unseal(key, *sealed); }) : std::nullopt;
  if (!plain) {
    return std::nullopt;
  }
  // What unseals was written by `print`; only its version can differ.
  const json::value value = json::parse(*plain);
  const json::array& fields = value.as_array();
  if (fields.at(0).as_int64() != kVersion) {
    return std::nullopt;
  }
  Order order;
  order.key.shard = parse_shard_id(text_view(fields.at(1).as_string())).value();
  order.key.day.since_epoch = fields.at(2).to_number<int32_t>();
  order.key.local.value = fields.at(3).to_number<uint64_t>();
  order.sender = UserId::trusted(std::string(text_view(fields.at(4).as_string())));
  if (const auto recipient = text_view(fields.at(5).as_string()); !recipient.empty()) {
    order.recipient = UserId::trusted(std::string(recipient));
  }
  order.kind = static_cast<PacketKind>(fields.at(6).as_int64());
  order.rule = static_cast<Rule>(fields.at(7).as_int64());
  order.total = Money(fields.at(8).as_int64());
  order.count = fields.at(9).to_number<uint32_t>();
  order.seed.bytes = read_bytes<std::tuple_size_v<decltype(order.seed.bytes)>>(fields.at(10));
  order.created_at.unix_ms = fields.at(11).as_int64();
  order.payable_until.unix_ms = fields.at(12).as_int64();
  if (!fields.at(13).as_string().empty()) {
    order.send_key = read_bytes<std::tuple_size_v<SendKey>>(fields.at(13));
  }
  if (const auto group = text_view(fields.at(14).as_string()); !group.empty()) {
    order.group = GroupId::trusted(std::string(group));
  }
  order.sender_home = parse_region_name(text_view(fields.at(15).as_string())).value();
  return order;
}

}  // namespace hongbao
