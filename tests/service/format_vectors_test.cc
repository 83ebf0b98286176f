// The test vectors at the end of docs/FORMATS.md against the code. A verifier written from that document relies on
// them: what was given out with an older program must read the same for ever.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>

#include "apps/settings.h"
#include "core/draw.h"
#include "core/ledger.h"
#include "core/list_position.h"
#include "core/packet.h"
#include "core/packet_id.h"
#include "core/page_token.h"
#include "core/pay_token.h"
#include "core/rendezvous.h"
#include "core/send_request.h"
#include "core/stored_day.h"
#include "core/ticket.h"
#include "service/cache_record.h"

namespace hongbao {
namespace {

namespace json = boost::json;

constexpr ShardId kShard{Region::kSouth, 7};
constexpr Timestamp kSentAt{1'795'384'267'250};  // 2026-11-23 in UTC+8

template <size_t N>
std::array<uint8_t, N> counting_from(uint8_t first) {
  std::array<uint8_t, N> bytes;
  for (size_t i = 0; i < N; ++i) {
    bytes[i] = static_cast<uint8_t>(first + i);
  }
  return bytes;
}

const Key256 kMaster = counting_from<32>(0x00);
const Seed kSeed{counting_from<32>(0x40)};
const PacketIdCodec kIds(derive_key128(kMaster, kPacketTag, kKeyContext));
const PacketKey kPacket{kShard, Day::of(kSentAt), LocalNo::of(3, LocalNo::counter_at(kSentAt))};
const std::string kId = kIds.print(kPacket);
const UserId kUser = UserId::trusted("alice");

// All 64 bits: too many for readers that keep numbers as doubles.
std::string decimal(uint64_t value) {
  return std::to_string(value);
}

Order order() {
  return {.key = kPacket,
          .sender = kUser,
          .recipient = UserId::trusted("bob"),
          .group = GroupId::trusted("family"),
          .kind = PacketKind::kExclusive,
          .rule = Rule::kEqual,
          .total = Money(520),
          .count = 1,
          .seed = kSeed,
          .created_at = kSentAt,
          .payable_until = kSentAt + std::chrono::minutes(15),
          .send_key = send_key_of(kUser, "key-1")};
}

json::value keys() {
  const auto key128 = [](KeyPurpose purpose) { return to_hex(derive_key128(kMaster, purpose, kKeyContext)); };
  const auto key256 = [](KeyPurpose purpose) { return to_hex(derive_key(kMaster, purpose, kKeyContext)); };
  return {{"master", to_hex(kMaster)},      {"packet_tag", key128(kPacketTag)}, {"ticket", key128(kTicket)},
          {"pay_token", key256(kPayToken)}, {"page_token", key128(kPageToken)}, {"key_id", key128(kKeyId)}};
}

json::value packet_id() {
  return {{"shard", to_text(kShard)},
          {"at_unix_ms", kSentAt.unix_ms},
          {"day", kPacket.day.yyyymmdd()},
          {"day_since_epoch", kPacket.day.since_epoch},
          {"epoch", 3},
          {"local", decimal(kPacket.local.value)},
          {"id", kId}};
}

json::value draws() {
  json::array words;
  for (const uint32_t seq : {1U, 2U, 300U, kSharesPerPacketMax}) {
    const DrawWords drawn = draw_words(kSeed, seq);
    words.push_back({{"seq", seq}, {"draw", decimal(drawn.draw)}, {"rounding", decimal(drawn.rounding)}});
  }
  return {{"seed", to_hex(kSeed.bytes)},
          {"packet_id", kId},
          {"commitment", to_hex(commitment(kSeed, kId))},
          {"words", std::move(words)}};
}

json::object split(Rule rule, int64_t total, uint32_t count) {
  const SplitTerms terms{rule, Money(total), count, kSeed};
  json::array shares;
  Money remaining = terms.total;
  for (uint32_t seq = 1; seq <= count; ++seq) {
    const Money share = draw_share(terms, remaining, seq);
    shares.emplace_back(share.fen());
    remaining -= share;
  }
  EXPECT_EQ(remaining, Money(0));
  return {{"rule", to_text(rule)}, {"total", total}, {"count", count}, {"shares", std::move(shares)}};
}

json::value splits() {
  return json::array{split(Rule::kClassic, 1'000, 5), split(Rule::kClassic, 10, 10), split(Rule::kClassic, 59'990, 3),
                     split(Rule::kFair, 1'000, 5),    split(Rule::kFair, 30, 10),    split(Rule::kFair, 59'990, 3),
                     split(Rule::kEqual, 1'000, 3)};
}

json::value tickets() {
  const TicketCodec codec(derive_key128(kMaster, kTicket, kKeyContext));
  return {{"packet_id", kId},
          {"user", kUser.text()},
          {"expires_unix_s", kSentAt.unix_ms / 1000},
          {"ticket", codec.print(kPacket, kUser, kSentAt)}};
}

json::value pay_tokens() {
  const Key256 key = derive_key(kMaster, kPayToken, kKeyContext);
  const auto nonce = counting_from<24>(0x80);
  const std::string token = PayTokenCodec(key).print(order(), nonce);
  return {{"nonce", to_hex(nonce)}, {"plain", unseal(key, from_base64url(token).value()).value()}, {"token", token}};
}

json::value page_tokens() {
  const PageTokenCodec codec(derive_key128(kMaster, kPageToken, kKeyContext));
  const uint64_t tie = VoucherTie::of(kShard, {99});
  return {{"scope", "sent:alice"},
          {"page", 2},
          {"at_unix_ms", kSentAt.unix_ms},
          {"tie", decimal(tie)},
          {"token", codec.print("sent:alice", {2, {kSentAt, tie}})}};
}

json::value hashes() {
  const SendRequest request{.kind = PacketKind::kLucky,
                            .rule = Rule::kFair,
                            .total = Money(1'000),
                            .count = 5,
                            .greeting = "恭喜发财",
                            .group = GroupId::trusted("family")};
  return {{"sender", kUser.text()},
          {"idempotency_key", "key-1"},
          {"send_key", to_hex(send_key_of(kUser, "key-1"))},
          {"request", "lucky/fair/1000/5//family/恭喜发财"},
          {"fingerprint", fingerprint(request)}};
}

json::value shard_choice() {
  std::vector<ShardId> shards;
  json::array names;
  for (uint16_t number = 0; number < 4; ++number) {
    shards.push_back({Region::kSouth, number});
    names.emplace_back(to_text(shards.back()));
  }
  json::object chosen;
  for (const std::string_view key : {"alice/key-1", "alice/key-2", "bob/key-1"}) {
    chosen[key] = to_text(choose_shard(key, shards).value());
  }
  return {{"shards", std::move(names)}, {"chosen", std::move(chosen)}};
}

json::value transfer_ids() {
  return {{"deposit", deposit_transfer_id(kUser, "key-1")},
          {"wallet_payment", wallet_payment_transfer_id(kId)},
          {"channel_payment", channel_payment_transfer_id("wechat", "p-1")},
          {"voucher", voucher_transfer_id(kShard, {99})}};
}

json::value day_checksum() {
  Order paid = order();
  paid.paid_at = kSentAt + std::chrono::seconds(1);
  paid.expires_at = paid.paid_at + std::chrono::hours(24);
  DayDigest digest;
  digest.add(PacketRow{paid, PacketState::kExhausted});
  digest.add(Voucher{{98}, kPacket, VoucherKind::kPaid, 0, kUser, Money(520), paid.paid_at});
  digest.add(Voucher{{99}, kPacket, VoucherKind::kOpened, 1, paid.recipient, Money(520), paid.paid_at});
  return {{"paid_at_unix_ms", paid.paid_at.unix_ms},
          {"expires_at_unix_ms", paid.expires_at.unix_ms},
          {"checksum", to_hex(digest.finish().checksum)}};
}

json::value cache_record() {
  RecordWriter out(RecordLayout::kProfile, "profile:alice");
  out.text("小红");
  out.text("https://example.com/a.png");
  const std::string record = std::move(out).finish();
  return {{"key", "profile:alice"},
          {"nickname", "小红"},
          {"avatar", "https://example.com/a.png"},
          {"record", to_hex(as_bytes(record))}};
}

// The last block of JSON in the document.
json::object written() {
  std::ifstream in(HONGBAO_FORMATS_FILE);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  constexpr std::string_view kBegin = "```json\n";
  const size_t begin = text.rfind(kBegin);
  const size_t end = text.find("\n```", begin);
  if (begin == std::string::npos || end == std::string::npos) {
    ADD_FAILURE() << HONGBAO_FORMATS_FILE << " has no block of JSON";
    return {};
  }
  return json::parse(text.substr(begin + kBegin.size(), end - begin - kBegin.size())).as_object();
}

TEST(FormatVectorsTest, AreThoseOfTheDocument) {
  const json::object expected{{"keys", keys()},
                              {"packet_id", packet_id()},
                              {"draws", draws()},
                              {"splits", splits()},
                              {"ticket", tickets()},
                              {"pay_token", pay_tokens()},
                              {"page_token", page_tokens()},
                              {"hashes", hashes()},
                              {"shard_choice", shard_choice()},
                              {"transfer_ids", transfer_ids()},
                              {"day_checksum", day_checksum()},
                              {"cache_record", cache_record()}};
  const json::object found = written();
  EXPECT_EQ(found.size(), expected.size());
  for (const auto& [name, value] : expected) {
    const json::value* there = found.if_contains(name);
    EXPECT_TRUE(there != nullptr && *there == value) << '"' << std::string_view(name) << "\": " << value;
  }
}

}  // namespace
}  // namespace hongbao
