#include "api/admin/admin_tokens.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/scratch_dir.h"

namespace hongbao::admin_tokens_test {
namespace {

using testing::HasSubstr;

class AdminTokensTest : public testing::Test {
 protected:
  AdminTokensTest() { init_crypto(); }

  static AdminToken token_of(std::string name, AdminRole role, std::string_view token) {
    return {std::move(name), role, hash_of_admin_token(token), "2026-11-28T02:00:00.000Z"};
  }
  void write(const std::string& text, mode_t mode = 0600) {
    std::ofstream(path_) << text;
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
  }
  [[nodiscard]] std::string role_of(std::string_view token) const {
    const auto caller = tokens_.find(token);
    return caller ? fmt::format("{} {}", caller->name, to_text(caller->role)) : "nobody";
  }
  [[nodiscard]] double unreadable() {
    return add_gauge(registry_, "hongbao_admin_tokens_unreadable",
                     "1 while admin.tokens_file can't be used, and the tokens of before stay good.")
        .Value();
  }

  ScratchDir dir_;
  std::string path_ = dir_.file("admin.tokens");
  prometheus::Registry registry_;
  AdminTokens tokens_{path_, registry_};
};

TEST_F(AdminTokensTest, EveryTokenIsNewAndHas256Bits) {
  const std::string token = new_admin_token();
  EXPECT_EQ(token.size(), 64U);
  EXPECT_NE(token, new_admin_token());
}

TEST_F(AdminTokensTest, WhatIsPrintedIsReadBackAndHoldsNoToken) {
  const std::vector<AdminToken> tokens{token_of("ann", AdminRole::kOperator, "secret-a"),
                                       token_of("b@x", AdminRole::kViewer, "secret-b")};
  const std::string text = print_admin_tokens(tokens);
  EXPECT_FALSE(text.contains("secret"));
  const auto read = parse_admin_tokens(text);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ(print_admin_tokens(*read), text);
  EXPECT_EQ(read->at(1).name, "b@x");
  EXPECT_EQ(read->at(1).role, AdminRole::kViewer);
}

TEST_F(AdminTokensTest, AnythingElseIsRefusedWithItsLine) {
  const std::string good = print_admin_tokens({token_of("ann", AdminRole::kOperator, "a")});
  const std::string head = print_admin_tokens({});
  const auto refusal = [](const std::string& text) {
    const auto read = parse_admin_tokens(text);
    return read ? "taken" : read.error().detail;
  };
  EXPECT_EQ(refusal(head), "taken") << "everybody was revoked";
  EXPECT_THAT(refusal(""), HasSubstr("no file of admin tokens"));
  EXPECT_THAT(refusal("\n"), HasSubstr("line 1"));
  EXPECT_THAT(refusal(good.substr(0, good.size() - 3)), HasSubstr("not whole"));
  EXPECT_THAT(refusal(good + good.substr(head.size())), HasSubstr("line 3 has a name that was there before"));
  EXPECT_THAT(refusal(head + "\n"), HasSubstr("line 2"));
  EXPECT_THAT(refusal(head + "ann root " + std::string(64, 'a') + " now\n"), HasSubstr("role"));
  EXPECT_THAT(refusal(head + "ann viewer " + std::string(62, 'a') + " now\n"), HasSubstr("hash"));
  EXPECT_THAT(refusal(head + "ä viewer " + std::string(64, 'a') + " now\n"), HasSubstr("name"));
}

TEST_F(AdminTokensTest, ATokenIsFoundByItsWholeText) {
  write(print_admin_tokens({token_of("ann", AdminRole::kOperator, "aaa"), token_of("bob", AdminRole::kAuditor, "bbb"),
                            token_of("eve", AdminRole::kViewer, "eee")}));
  EXPECT_EQ(role_of("aaa"), "nobody") << "it was not read yet";
  ASSERT_TRUE(tokens_.load());
  EXPECT_EQ(role_of("aaa"), "ann operator");
  EXPECT_EQ(role_of("bbb"), "bob auditor");
  EXPECT_EQ(role_of("eee"), "eve viewer");
  for (const char* other : {"", "aa", "aaaa", "AAA", "abb"}) {
    EXPECT_EQ(role_of(other), "nobody") << other;
  }
  EXPECT_EQ(role_of(to_hex(hash_of_admin_token("aaa"))), "nobody") << "who reads the file has no token";
}

TEST_F(AdminTokensTest, AChangedFileIsReadAgain) {
  write(print_admin_tokens({token_of("ann", AdminRole::kOperator, "aaa")}));
  ASSERT_TRUE(tokens_.load());
  write(print_admin_tokens({token_of("bob", AdminRole::kViewer, "bbb")}));
  tokens_.look_again();
  EXPECT_EQ(role_of("aaa"), "nobody");
  EXPECT_EQ(role_of("bbb"), "bob viewer");
}

TEST_F(AdminTokensTest, AFileThatCanNotBeUsedKeepsTheOldOnesAndSaysSo) {
  const std::string good = print_admin_tokens({token_of("ann", AdminRole::kOperator, "aaa")});
  write(good);
  ASSERT_TRUE(tokens_.load());
  for (const auto& [text, mode] : {std::pair(std::string(), mode_t{0600}), {"nonsense\n", 0600}, {good, 0604}}) {
    write(text, mode);
    tokens_.look_again();
    EXPECT_EQ(role_of("aaa"), "ann operator") << text;
    EXPECT_EQ(unreadable(), 1) << text;
  }
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  tokens_.look_again();
  EXPECT_EQ(role_of("aaa"), "ann operator");
  write(print_admin_tokens({}));
  tokens_.look_again();
  EXPECT_EQ(role_of("aaa"), "nobody");
  EXPECT_EQ(unreadable(), 0);
}

}  // namespace
}  // namespace hongbao::admin_tokens_test
