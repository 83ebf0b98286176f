#include "core/send_request.h"

#include <gtest/gtest.h>

#include "core/limits.h"

namespace hongbao {
namespace {

SendRequest lucky(int64_t total, uint32_t count) {
  return {.kind = PacketKind::kLucky, .rule = Rule::kClassic, .total = Money(total), .count = count, .greeting = "hi"};
}

SendRequest exclusive() {
  return {.kind = PacketKind::kExclusive,
          .rule = Rule::kEqual,
          .total = Money(88),
          .count = 1,
          .greeting = "hi",
          .recipient = UserId::trusted("bob")};
}

std::string field_of(const SendRequest& request) {
  const auto checked = check_send_request(request);
  if (checked) {
    return "";
  }
  EXPECT_EQ(checked.error().code, ErrorCode::kInvalidField);
  EXPECT_FALSE(checked.error().detail.empty());
  return checked.error().field;
}

TEST(SendRequest, TakesTotalsFromLeastToGreatestSharesInclusive) {
  EXPECT_EQ(field_of(lucky(10, 10)), "");
  EXPECT_EQ(field_of(lucky(9, 10)), "total_amount");
  EXPECT_EQ(field_of(lucky(200'000, 10)), "");
  EXPECT_EQ(field_of(lucky(200'001, 10)), "total_amount");
  EXPECT_EQ(field_of(lucky(-5, 10)), "total_amount");
  EXPECT_EQ(field_of(lucky(INT64_MAX, 10)), "total_amount");
}

TEST(SendRequest, BoundsTheCount) {
  EXPECT_EQ(field_of(lucky(10, 0)), "count");
  EXPECT_EQ(field_of(lucky(kSharesPerPacketMax, kSharesPerPacketMax)), "");
  EXPECT_EQ(field_of(lucky(kSharesPerPacketMax + 1, kSharesPerPacketMax + 1)), "count");
}

TEST(SendRequest, KindsBringTheirRules) {
  EXPECT_EQ(field_of(exclusive()), "");
  auto request = exclusive();
  request.recipient = UserId();
  EXPECT_EQ(field_of(request), "recipient_id");
  request = exclusive();
  request.count = 2;
  EXPECT_EQ(field_of(request), "count");
  request = lucky(10, 2);
  request.recipient = UserId::trusted("bob");
  EXPECT_EQ(field_of(request), "recipient_id");
  request = lucky(10, 2);
  request.rule = Rule::kEqual;
  EXPECT_EQ(field_of(request), "allocation");
  request = exclusive();
  request.rule = Rule::kFair;
  EXPECT_EQ(field_of(request), "allocation");
}

TEST(SendRequest, CountsGreetingsInCharacters) {
  auto request = lucky(10, 2);
  for (size_t i = 0; i < kGreetingCharactersMax - 2; ++i) {
    request.greeting += "福";
  }
  EXPECT_EQ(field_of(request), "");
  request.greeting += "福";
  EXPECT_EQ(field_of(request), "greeting");
}

TEST(SendRequest, GreetingsShowSomethingAndControlNothing) {
  auto request = lucky(10, 2);
  for (const char* greeting : {"two\nlines", "\x7f", "a\u009bb", "a\u202eb", "\u2066hi\u2069", "\u200bhi", "\ufeffhi",
                               "  ", "\u3164", "\u2800\u00a0", "\u200d", "a\u2028b", "\U000e0041hi"}) {
    request.greeting = greeting;
    EXPECT_EQ(field_of(request), "greeting") << greeting;
  }
  for (const char* greeting :
       {"", "👨‍👩‍👧 می‌خواهم 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "שלום"}) {
    request.greeting = greeting;
    EXPECT_EQ(field_of(request), "") << greeting;
  }
}

TEST(SendRequest, FingerprintsDifferWhereRequestsDo) {
  const std::string base = fingerprint(lucky(10, 2));
  EXPECT_EQ(base, fingerprint(lucky(10, 2)));
  EXPECT_NE(base, fingerprint(lucky(11, 2)));
  EXPECT_NE(base, fingerprint(lucky(10, 3)));
  auto request = lucky(10, 2);
  request.rule = Rule::kFair;
  EXPECT_NE(base, fingerprint(request));
  request = lucky(10, 2);
  request.greeting = "hj";
  EXPECT_NE(base, fingerprint(request));
  request = lucky(10, 2);
  request.group = GroupId::trusted("family");
  EXPECT_NE(base, fingerprint(request));
}

TEST(SendKey, IsOfTheSenderAndTheIdempotencyKey) {
  const UserId alice = UserId::trusted("alice");
  EXPECT_EQ(send_key_of(alice, "k"), send_key_of(alice, "k"));
  EXPECT_NE(send_key_of(alice, "k"), send_key_of(alice, "l"));
  EXPECT_NE(send_key_of(alice, "k"), send_key_of(UserId::trusted("bob"), "k"));
  EXPECT_NE(send_key_of(alice, "b/k"), send_key_of(UserId::trusted("alice.b"), "k"));
}

}  // namespace
}  // namespace hongbao
