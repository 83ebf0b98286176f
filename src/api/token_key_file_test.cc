#include "api/token_key_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "api/jwks.h"
#include "api/jwks_test_keys.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/scratch_dir.h"

namespace hongbao::token_key_file_test {
namespace {

constexpr Timestamp kNow{1'795'384'267'000};

class TokenKeyFileTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    init_crypto();
    set_log_level(LogLevel::kNone);
  }

  TokenKeyFileTest() { write(test_oct_key("h")); }

  // Another file under the name, as whoever changes one should.
  void write(const std::string& keys) const {
    const std::string next = path_ + ".next";
    std::ofstream(next) << "{\"keys\":[" << keys << "]}";
    std::filesystem::permissions(next, std::filesystem::perms(0600));
    std::filesystem::rename(next, path_);
  }
  bool is_good(TokenAlgorithm algorithm, std::string_view id) const {
    const std::string token = test_token(algorithm, fmt::format(R"({{"alg":"{}","kid":"{}"}})", to_text(algorithm), id),
                                         R"({"sub":"alice","exp":1795384300})");
    return authenticator_.caller_of("Bearer " + token, kNow).has_value();
  }
  double counted(const char* name) { return add_counter(registry_, name, "").Value(); }

  const ScratchDir dir_;
  const std::string path_ = dir_.file("jwks.json");
  prometheus::Registry registry_;
  Authenticator authenticator_{
      {.jwks_file = path_, .jwks = parse_jwks("{\"keys\":[" + test_oct_key("h") + "]}").value()}};
};

TEST_F(TokenKeyFileTest, KeysComeAndGo) {
  TokenKeyFile file(path_, authenticator_, registry_);
  EXPECT_TRUE(is_good(TokenAlgorithm::kHs256, "h"));
  EXPECT_EQ(counted("hongbao_token_keys_changed_total"), 0) << "the start has read it";
  write(test_oct_key("h") + "," + test_ed25519_key("o"));
  EXPECT_FALSE(is_good(TokenAlgorithm::kEdDsa, "o"));
  file.look();
  EXPECT_TRUE(is_good(TokenAlgorithm::kHs256, "h") && is_good(TokenAlgorithm::kEdDsa, "o"));
  write(test_ed25519_key("o"));
  file.look();
  EXPECT_FALSE(is_good(TokenAlgorithm::kHs256, "h"));
  EXPECT_TRUE(is_good(TokenAlgorithm::kEdDsa, "o"));
  EXPECT_EQ(counted("hongbao_token_keys_changed_total"), 2);
  EXPECT_EQ(add_gauge(registry_, "hongbao_token_keys", "").Value(), 1);
  file.look();
  file.look();
  EXPECT_EQ(counted("hongbao_token_keys_changed_total"), 2);
}

TEST_F(TokenKeyFileTest, ABadFileChangesNothing) {
  TokenKeyFile file(path_, authenticator_, registry_);
  write(test_oct_key("h") + ",{}");
  file.look();
  EXPECT_TRUE(is_good(TokenAlgorithm::kHs256, "h"));
  EXPECT_EQ(counted("hongbao_token_keys_refused_total"), 1);
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  file.look();
  file.look();
  EXPECT_TRUE(is_good(TokenAlgorithm::kHs256, "h"));
  EXPECT_EQ(counted("hongbao_token_keys_refused_total"), 3) << "and is told for as long as it is so";
  write(test_ed25519_key("o"));
  file.look();
  EXPECT_FALSE(is_good(TokenAlgorithm::kHs256, "h"));
  EXPECT_TRUE(is_good(TokenAlgorithm::kEdDsa, "o"));
}

TEST_F(TokenKeyFileTest, AFileThatIsWrittenInPlaceIsReadToo) {
  TokenKeyFile file(path_, authenticator_, registry_);
  const auto before = std::filesystem::last_write_time(path_);
  const std::string other = "{\"keys\":[" + test_oct_key("x") + "]}";  // as long as the first
  std::ofstream(path_) << other;
  std::filesystem::last_write_time(path_, before);  // as some tools do
  file.look();
  EXPECT_FALSE(is_good(TokenAlgorithm::kHs256, "h"));
  EXPECT_TRUE(is_good(TokenAlgorithm::kHs256, "x"));
}

TEST_F(TokenKeyFileTest, AFileThatIsOpenedToAllIsRefused) {
  TokenKeyFile file(path_, authenticator_, registry_);
  file.look();
  std::filesystem::permissions(path_, std::filesystem::perms(0644));
  file.look();
  EXPECT_EQ(counted("hongbao_token_keys_refused_total"), 1);
  EXPECT_TRUE(is_good(TokenAlgorithm::kHs256, "h"));
}

}  // namespace
}  // namespace hongbao::token_key_file_test
