#include "adapters/sqlite/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/scratch_dir.h"

namespace hongbao::sqlite {
namespace {

using testing::HasSubstr;

class FilesTest : public testing::Test {
 protected:
  static std::string content(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  ScratchDir dir_;
  std::filesystem::path base_ = dir_.path();
};

TEST_F(FilesTest, ARewrittenFileIsTheSame) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{1024 * 1024}, size_t{2'500'000}}) {
    std::string text(size, '\0');
    for (size_t i = 0; i < size; ++i) {
      text[i] = static_cast<char>(i * 31 % 251);
    }
    std::ofstream(base_ / "log", std::ios::binary) << text;
    ASSERT_TRUE(rewrite_durably(base_ / "log").has_value());
    EXPECT_TRUE(content(base_ / "log") == text) << size << " bytes";
  }
}

TEST_F(FilesTest, AMissingFileNeedsNoRewriting) {
  EXPECT_TRUE(rewrite_durably(base_ / "none").has_value());
  EXPECT_FALSE(std::filesystem::exists(base_ / "none"));
}

TEST_F(FilesTest, WhatCantBeDoneIsNamed) {
  const auto rewritten = rewrite_durably(base_);
  ASSERT_FALSE(rewritten.has_value());
  EXPECT_EQ(rewritten.error().code, ErrorCode::kStorage);
  EXPECT_THAT(rewritten.error().detail, HasSubstr(base_.string()));
  EXPECT_FALSE(sync_directory(base_ / "none").has_value());
  EXPECT_FALSE(write_durably(base_ / "none" / "file", "text").has_value());
}

}  // namespace
}  // namespace hongbao::sqlite
