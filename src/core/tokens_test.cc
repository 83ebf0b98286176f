#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "core/base32.h"
#include "core/channel_signature.h"
#include "core/page_token.h"
#include "core/pay_token.h"
#include "core/ticket.h"

namespace hongbao {
namespace {

using std::chrono::seconds;

constexpr std::string_view kBase64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Calls `visit` with every text that differs from `text` in one character, over all bytes.
template <class Visit>
void for_every_change(const std::string& text, Visit visit) {
  for (size_t at = 0; at < text.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = text;
      changed[at] = static_cast<char>(byte);
      if (changed != text) {
        visit(changed);
      }
    }
  }
}

class Ticket : public testing::Test {
 protected:
  ErrorCode code(std::string_view ticket, const PacketKey& packet, const UserId& user, Timestamp now) const {
    const Result<void> checked = codec_.check(ticket, packet, user, now);
    return checked ? ErrorCode::kInternal : checked.error().code;  // kInternal stands for "accepted"
  }
  static constexpr ErrorCode kAccepted = ErrorCode::kInternal;

  const TicketCodec codec_{Key128{1, 2, 3}};
  const PacketKey packet_{{Region::kSouth, 7}, {20'779}, LocalNo::of(3, 115)};
  const UserId alice_ = UserId::trusted("alice");
  const Timestamp expires_at_{1'795'384'267'250};
  const std::string ticket_ = codec_.print(packet_, alice_, expires_at_);
};

TEST_F(Ticket, LetsItsUserOpenItsPacketUntilItExpires) {
  EXPECT_EQ(code(ticket_, packet_, alice_, {0}), kAccepted);
  EXPECT_EQ(code(ticket_, packet_, alice_, expires_at_), kAccepted);
  EXPECT_EQ(code(ticket_, packet_, alice_, expires_at_ + seconds(1)), ErrorCode::kTicketExpired);
  EXPECT_EQ(code(ticket_, packet_, alice_, expires_at_ + seconds(1'000'000)), ErrorCode::kTicketExpired);
}

TEST_F(Ticket, IsNoGoodForAnotherUser) {
  for (const char* other : {"bob", "alic", "alice1", "alicf", "Alice", "a"}) {
    EXPECT_EQ(code(ticket_, packet_, UserId::trusted(other), {0}), ErrorCode::kTicketInvalid) << other;
  }
}

TEST_F(Ticket, IsNoGoodForAnotherPacket) {
  std::array<PacketKey, 4> others{packet_, packet_, packet_, packet_};
  others[0].shard.number ^= 1;
  others[1].shard.region = Region::kNorth;
  others[2].day.since_epoch += 1;
  others[3].local.value += 1;
  for (const PacketKey& other : others) {
    EXPECT_EQ(code(ticket_, other, alice_, {0}), ErrorCode::kTicketInvalid);
  }
}

TEST_F(Ticket, RefusesEveryChangeOfOneCharacter) {
  for_every_change(ticket_, [&](const std::string& changed) {
    ASSERT_EQ(code(changed, packet_, alice_, {0}), ErrorCode::kTicketInvalid) << changed;
  });
}

TEST_F(Ticket, RefusesOtherLengthsAndKeys) {
  EXPECT_EQ(code("", packet_, alice_, {0}), ErrorCode::kTicketInvalid);
  for (size_t length = 0; length < ticket_.size(); ++length) {
    EXPECT_EQ(code(ticket_.substr(0, length), packet_, alice_, {0}), ErrorCode::kTicketInvalid);
  }
  for (const char c : kBase64url) {
    EXPECT_EQ(code(ticket_ + c, packet_, alice_, {0}), ErrorCode::kTicketInvalid);
  }
  EXPECT_FALSE(TicketCodec(Key128{1, 2, 4}).check(ticket_, packet_, alice_, {0}));
}

// Enough tickets that every base64url digit stands in some of them.
TEST_F(Ticket, HasOneSpelling) {
  for (int user = 0; user < 50; ++user) {
    const UserId name = UserId::trusted("user" + std::to_string(user));
    const std::string ticket = codec_.print(packet_, name, expires_at_);
    for (size_t at = 0; at < ticket.size(); ++at) {
      for (const int byte : {0x80, 0xbf, 0xff}) {
        std::string changed = ticket;
        changed[at] = static_cast<char>(byte);
        ASSERT_EQ(code(changed, packet_, name, {0}), ErrorCode::kTicketInvalid) << at;
      }
    }
  }
}

TEST_F(Ticket, ServesTheLongestUserId) {
  const UserId longest = UserId::trusted(std::string(UserId::kLengthMax, 'z'));
  EXPECT_EQ(code(codec_.print(packet_, longest, expires_at_), packet_, longest, {0}), kAccepted);
}

class PayToken : public testing::Test {
 protected:
  static Order lucky() {
    Order order{.key = {{Region::kNorth, 999}, {20'779}, {(1ULL << LocalNo::kBits) - 1}},
                .sender = UserId::trusted("alice@example.com"),
                .kind = PacketKind::kLucky,
                .rule = Rule::kFair,
                .total = Money(2'000'000'000),
                .count = 100'000,
                .seed = {},
                .created_at = {1'795'384'267'250},
                .payable_until = {1'795'384'867'250},
                .send_key = SendKey{1, 2, 3, 0, 255}};
    for (size_t i = 0; i < order.seed.bytes.size(); ++i) {
      order.seed.bytes[i] = static_cast<uint8_t>(255 - i);
    }
    return order;
  }

  const PayTokenCodec codec_{Key256{9, 8, 7}};
  const SealNonce nonce_{1, 2, 3};
};

TEST_F(PayToken, CarriesTheWholeOrder) {
  EXPECT_EQ(codec_.parse(codec_.print(lucky(), nonce_)), lucky());

  Order exclusive = lucky();
  exclusive.kind = PacketKind::kExclusive;
  exclusive.rule = Rule::kEqual;
  exclusive.recipient = UserId::trusted("bob");
  exclusive.count = 1;
  exclusive.total = Money(1);
  EXPECT_EQ(codec_.parse(codec_.print(exclusive, nonce_)), exclusive);
  exclusive.group = GroupId::trusted("family");
  EXPECT_EQ(codec_.parse(codec_.print(exclusive, nonce_)), exclusive);
}

TEST_F(PayToken, OfAnOrderWithoutASendKeyCarriesNone) {
  Order order = lucky();
  order.send_key.reset();
  EXPECT_EQ(codec_.parse(codec_.print(order, nonce_)), order);
}

TEST_F(PayToken, OfAnotherVersionIsRefused) {
  const Key256 key{9, 8, 7};
  const std::string plain =
      R"([1,"s007",20779,12345,"alice","",1,2,300,5,"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",1000,2000])";
  EXPECT_FALSE(codec_.parse(to_base64url(as_bytes(seal(key, nonce_, plain)))));
}

TEST_F(PayToken, CarriesNoTimesOfPayment) {
  Order paid = lucky();
  paid.paid_at = {5};
  paid.expires_at = {6};
  EXPECT_EQ(codec_.parse(codec_.print(paid, nonce_)), lucky());
}

TEST_F(PayToken, RefusesEveryChangeOfOneCharacter) {
  const std::string token = codec_.print(lucky(), nonce_);
  for_every_change(token, [&](const std::string& changed) { ASSERT_FALSE(codec_.parse(changed)) << changed; });
}

TEST_F(PayToken, RefusesCutsAdditionsAndOtherKeys) {
  const std::string token = codec_.print(lucky(), nonce_);
  for (size_t length = 0; length < token.size(); ++length) {
    ASSERT_FALSE(codec_.parse(token.substr(0, length))) << length;
  }
  for (const char c : kBase64url) {
    EXPECT_FALSE(codec_.parse(token + c));
    EXPECT_FALSE(codec_.parse(c + token));
  }
  EXPECT_FALSE(codec_.parse(token + "="));
  EXPECT_FALSE(PayTokenCodec(Key256{9, 8, 6}).parse(token));
}

TEST_F(PayToken, HidesTheSeed) {
  const Order order = lucky();
  const std::string token = codec_.print(order, nonce_);
  const std::string bytes = from_base64url(token).value();
  const std::string seed(reinterpret_cast<const char*>(order.seed.bytes.data()), order.seed.bytes.size());
  EXPECT_EQ(bytes.find(seed), std::string::npos);
  EXPECT_EQ(bytes.find(to_base64url(order.seed.bytes)), std::string::npos);
}

TEST(PageToken, RoundTripsInItsScope) {
  const PageTokenCodec codec(Key128{5});
  for (const uint64_t tie : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 40, UINT64_MAX}) {
    const PageMark mark{7, {{1'795'384'267'123}, tie}};
    EXPECT_EQ(codec.parse("shares:alice", codec.print("shares:alice", mark)), mark);
  }
}

TEST(PageToken, CarriesAnyPositionWhole) {
  const PageTokenCodec codec(Key128{5});
  EXPECT_TRUE(rc::check([&](int64_t at_ms, uint64_t tie) {
    const PageMark mark{*rc::gen::inRange(0U, PageMark::kNumberMax + 1), {{at_ms}, tie}};
    RC_ASSERT(codec.parse("shares:alice", codec.print("shares:alice", mark)) == mark);
  }));
}

TEST(ListPositions, ATieHoldsShardAndVoucher) {
  EXPECT_TRUE(rc::check([] {
    const ShardId shard{*rc::gen::element(Region::kSouth, Region::kNorth),
                        *rc::gen::inRange<uint16_t>(0, ShardId::kNumberMax + 1)};
    const VoucherNo no{*rc::gen::inRange<uint64_t>(1, 1ULL << VoucherTie::kVoucherBits)};
    const uint64_t tie = VoucherTie::of(shard, no);
    RC_ASSERT(tie <= static_cast<uint64_t>(INT64_MAX));
    RC_ASSERT(VoucherTie::shard(tie) == shard);
    RC_ASSERT(VoucherTie::voucher(tie) == no);
  }));
}

TEST(PageToken, IsNoGoodForAnotherListUserOrKey) {
  const PageTokenCodec codec(Key128{5});
  const std::string token = codec.print("shares:alice", {1, {{1'795'384'267'123}, 42}});
  for (const char* scope : {"", "shares:bob", "packets:alice", "shares:alice1", "shares:alic"}) {
    EXPECT_FALSE(codec.parse(scope, token)) << scope;
  }
  EXPECT_FALSE(PageTokenCodec(Key128{6}).parse("shares:alice", token));
}

TEST(PageToken, RefusesEveryChange) {
  const PageTokenCodec codec(Key128{5});
  const std::string token = codec.print("shares:alice", {1, {{1'795'384'267'123}, 42}});
  for_every_change(token,
                   [&](const std::string& changed) { ASSERT_FALSE(codec.parse("shares:alice", changed)) << changed; });
  for (size_t at = 0; at < token.size(); ++at) {
    EXPECT_FALSE(codec.parse("shares:alice", std::string(token).erase(at, 1)));
    EXPECT_FALSE(codec.parse("shares:alice", std::string(token).insert(at, "0")));
  }
  EXPECT_FALSE(codec.parse("shares:alice", ""));
}

class ChannelSignature : public testing::Test {
 protected:
  static constexpr ErrorCode kAccepted = ErrorCode::kInternal;

  static ErrorCode code(std::string_view header, std::string_view body, int64_t now_s) {
    return code_under({std::string(kSecret)}, header, body, now_s);
  }
  static ErrorCode code_under(const std::vector<std::string>& secrets, std::string_view header, std::string_view body,
                              int64_t now_s) {
    const Result<void> checked = check_notification(secrets, header, body, {now_s * 1000});
    return checked ? kAccepted : checked.error().code;
  }

  static constexpr std::string_view kSecret = "channel-secret";
  static constexpr std::string_view kBody = R"({"amount":100})";
  static constexpr int64_t kAt_s = 1'795'384'267;
  // Python: hmac.new(b"channel-secret", b'1795384267.{"amount":100}', hashlib.sha256).hexdigest()
  static constexpr std::string_view kHeader =
      "t=1795384267,v1=8332f8154424092555fa949817fb34ca621ae49fa939e32bb255986d6a8c0b9a";
};

TEST_F(ChannelSignature, IsTheKnownAnswer) {
  EXPECT_EQ(sign_notification(kSecret, {kAt_s * 1000}, kBody), kHeader);
  EXPECT_EQ(sign_notification(kSecret, {kAt_s * 1000 + 999}, kBody), kHeader) << "whole seconds";
  EXPECT_EQ(code(kHeader, kBody, kAt_s), kAccepted);
}

TEST_F(ChannelSignature, IsStaleAfterFiveMinutesAndBeforeMinusFive) {
  EXPECT_EQ(code(kHeader, kBody, kAt_s + 300), kAccepted);
  EXPECT_EQ(code(kHeader, kBody, kAt_s + 301), ErrorCode::kNotificationStale);
  EXPECT_EQ(code(kHeader, kBody, kAt_s - 300), kAccepted);
  EXPECT_EQ(code(kHeader, kBody, kAt_s - 301), ErrorCode::kNotificationStale);
  EXPECT_EQ(code(kHeader, kBody, 0), ErrorCode::kNotificationStale);
}

TEST_F(ChannelSignature, CoversTimeBodyAndSecret) {
  EXPECT_EQ(code(kHeader, R"({"amount":101})", kAt_s), ErrorCode::kSignatureInvalid);
  EXPECT_EQ(code(kHeader, R"({"amount":100} )", kAt_s), ErrorCode::kSignatureInvalid);
  EXPECT_EQ(code(kHeader, "", kAt_s), ErrorCode::kSignatureInvalid);
  EXPECT_EQ(code_under({"channel-secreu"}, kHeader, kBody, kAt_s), ErrorCode::kSignatureInvalid);
  for_every_change(std::string(kHeader), [](const std::string& changed) {
    ASSERT_EQ(code(changed, kBody, kAt_s), ErrorCode::kSignatureInvalid) << changed;
  });
}

TEST_F(ChannelSignature, AnyOfSeveralMayMatch) {
  const std::string hex(kHeader.substr(kHeader.find("v1=") + 3));
  const std::string other(64, '0');
  for (const std::string& header :
       {"t=1795384267,v1=" + other + ",v1=" + hex, "t=1795384267,v1=" + hex + ",v1=" + other,
        "t=1795384267,v0=" + other + ",v1=" + hex, "t=1795384267,v1=" + hex + ",v2=x,note=a=b",
        "v1=" + hex + ",t=1795384267", "t=1795384267,v1=,v1=" + hex}) {
    EXPECT_EQ(code(header, kBody, kAt_s), kAccepted) << header;
    EXPECT_EQ(code(header, kBody, kAt_s + 301), ErrorCode::kNotificationStale) << header;
    EXPECT_EQ(code(header, "{}", kAt_s), ErrorCode::kSignatureInvalid) << header;
  }
  EXPECT_EQ(code("t=1795384267,v1=" + other + ",v1=" + other, kBody, kAt_s), ErrorCode::kSignatureInvalid);
}

TEST_F(ChannelSignature, AreEightAtMost) {
  std::string header = "t=1795384267";
  for (size_t i = 1; i < kSignaturesMax; ++i) {
    header += ",v1=00";
  }
  const std::string good(kHeader.substr(kHeader.find(",v1=")));
  EXPECT_EQ(code(header + good, kBody, kAt_s), kAccepted);
  EXPECT_EQ(code(header + ",v1=00" + good, kBody, kAt_s), ErrorCode::kSignatureInvalid);
}

TEST_F(ChannelSignature, AnyOfTwoSecretsMayHaveSigned) {
  const std::string secret(kSecret);
  EXPECT_EQ(code_under({"new", secret}, kHeader, kBody, kAt_s), kAccepted);
  EXPECT_EQ(code_under({secret, "old"}, kHeader, kBody, kAt_s), kAccepted);
  EXPECT_EQ(code_under({"new", "old"}, kHeader, kBody, kAt_s), ErrorCode::kSignatureInvalid);
  const std::string both = std::string(kHeader) + ",v1=" + sign_notification("new", {kAt_s * 1000}, kBody).substr(16);
  EXPECT_EQ(code_under({secret}, both, kBody, kAt_s), kAccepted);
  EXPECT_EQ(code_under({"new"}, both, kBody, kAt_s), kAccepted);
}

TEST_F(ChannelSignature, RefusesMalformedHeaders) {
  const std::string hex(kHeader.substr(kHeader.find("v1=") + 3));
  const std::string good(kHeader);
  for (const std::string& header : std::vector<std::string>{"",
                                                            "t=",
                                                            "t=,v1=",
                                                            "t=1795384267",
                                                            "v1=" + hex,
                                                            "t=1795384267,v1=" + hex + ",t=1795384267",
                                                            "t=1795384267,t=1,v1=" + hex,
                                                            "t=,t=1795384267,v1=" + hex,
                                                            "t=1795384267,,v1=" + hex,
                                                            "t=1795384267,v1,v1=" + hex,
                                                            "t=1795384267,=x,v1=" + hex,
                                                            ",t=1795384267,v1=" + hex,
                                                            "t=1795384267,v0=" + hex,
                                                            "t=1795384267,V1=" + hex,
                                                            "T=1795384267,v1=" + hex,
                                                            "t=1795384267;v1=" + hex,
                                                            "t=1795384267,v1=",
                                                            "t=1795384267,v2=" + hex,
                                                            "t=-1795384267,v1=" + hex,
                                                            "t=01795384267,v1=" + hex,
                                                            "t=+1795384267,v1=" + hex,
                                                            "t= 1795384267,v1=" + hex,
                                                            "t=1795384267 ,v1=" + hex,
                                                            "t=1795384267, v1=" + hex,
                                                            "t=1795384267.0,v1=" + hex,
                                                            "t=99999999999999999999,v1=" + hex,
                                                            "t=1795384267,v1=" + hex.substr(1),
                                                            good + "0",
                                                            good + ",",
                                                            fmt::format("{0},{0}", good)}) {
    EXPECT_EQ(code(header, kBody, kAt_s), ErrorCode::kSignatureInvalid) << header;
  }
}

TEST_F(ChannelSignature, SurvivesTheGreatestTime) {
  const std::string header = sign_notification(kSecret, {INT64_MAX}, kBody);
  EXPECT_EQ(code(header, kBody, kAt_s), ErrorCode::kNotificationStale);
  EXPECT_EQ(code("t=9223372036854775807,v1=00", kBody, kAt_s), ErrorCode::kSignatureInvalid);
}

TEST(Base32, TakesOnlyCanonicalDigits) {
  EXPECT_EQ(to_base32(0, 1), "0");
  EXPECT_EQ(to_base32(31, 2), "0z");
  EXPECT_EQ(from_base32(to_base32(0x123456789abULL, 9)), 0x123456789abULL);
  EXPECT_EQ(from_base32("zzzzzzzzzzzz"), (1ULL << 60) - 1);
  EXPECT_EQ(from_base32(to_base32(UINT64_MAX, 13)), UINT64_MAX);
  int digits = 0;
  for (int byte = 0; byte < 256; ++byte) {
    digits += from_base32(std::string(1, static_cast<char>(byte))) ? 1 : 0;
  }
  EXPECT_EQ(digits, 32);
  for (const char* text : {"", "A", "i", "l", "o", "u", "0 ", "-0", "g000000000000", "00000000000000"}) {
    EXPECT_FALSE(from_base32(text)) << text;
  }
}

}  // namespace
}  // namespace hongbao
