#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "base/check.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"

namespace hongbao {
namespace {

TEST(Clock, PrintsRfc3339WithMilliseconds) {
  EXPECT_EQ(to_rfc3339({0}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339({1795384267250}), "2026-11-22T21:51:07.250Z");
  EXPECT_EQ(to_rfc3339({-1}), "1969-12-31T23:59:59.999Z");
}

TEST(Crypto, SealedTextOpensOnlyWithItsKeyAndUnchanged) {
  init_crypto();
  Key256 key{};
  key[0] = 7;
  SealNonce nonce{};
  const std::string sealed = seal(key, nonce, "an order");
  EXPECT_EQ(unseal(key, sealed), "an order");
  Key256 other = key;
  other[31] = 1;
  EXPECT_FALSE(unseal(other, sealed));
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(unseal(key, changed)) << i;
  }
  EXPECT_FALSE(unseal(key, ""));
}

TEST(Crypto, Base64urlRefusesOtherSpellings) {
  EXPECT_EQ(to_base64url(as_bytes("hongbao!")), "aG9uZ2JhbyE");
  EXPECT_EQ(from_base64url("aG9uZ2JhbyE"), "hongbao!");
  EXPECT_FALSE(from_base64url("aG9uZ2JhbyE="));
  EXPECT_FALSE(from_base64url("aG9uZ2JhbyF"));  // stray bits behind the last byte
  EXPECT_FALSE(from_base64url("a+/_"));
  EXPECT_TRUE(from_base64url("abc_"));
  EXPECT_FALSE(from_base64url("abc\xff"));
}

TEST(Crypto, HexRoundTrips) {
  EXPECT_EQ(to_hex(as_bytes("\x01\xff")), "01ff");
  EXPECT_EQ(from_hex("01ff"), "\x01\xff");
  EXPECT_FALSE(from_hex("01f"));
  EXPECT_FALSE(from_hex("zz"));
}

// The test vectors of RFC 4231 (case 2) and RFC 7693 (appendix A, shortened to 32 bytes by another implementation).
TEST(Crypto, KnownAnswers) {
  EXPECT_EQ(to_hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(blake2b(as_bytes("abc"))), "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

TEST(Check, SaysWhatFailedAndEndsTheProcess) {
  log_info("the_log_has_a_thread_now");
  EXPECT_DEATH(CHECK(1 + 1 == 3), "CHECK failed: 1 \\+ 1 == 3 at .*base_test.cc:");
}

TEST(Check, EndsTheProcessWhereNobodyReadsWhatItSays) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  ASSERT_EQ(::fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
  while (::write(ends[1], "x", 1) > 0) {
  }
  ASSERT_EQ(::fcntl(ends[1], F_SETFL, 0), 0);
  EXPECT_EXIT(
      {
        ::dup2(ends[1], STDERR_FILENO);
        CHECK(1 + 1 == 3);
      },
      testing::KilledBySignal(SIGABRT), "");
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace hongbao
