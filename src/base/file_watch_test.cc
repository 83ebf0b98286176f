#include "base/file_watch.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/scratch_dir.h"

namespace hongbao {
namespace {

// It was to be read twice, and is not any more.
void expect_change(FileWatch& watch) {
  EXPECT_TRUE(watch.is_to_be_read());
  EXPECT_TRUE(watch.was_read(true));
  EXPECT_TRUE(watch.is_to_be_read()) << "once more, for who wrote meanwhile";
  EXPECT_FALSE(watch.was_read(true));
  EXPECT_FALSE(watch.is_to_be_read());
}

TEST(FileWatchTest, TellsOfEveryChange) {
  const ScratchDir scratch;
  const std::string first = scratch.file("first");
  const std::string second = scratch.file("second");
  std::ofstream(first) << "one";
  FileWatch watch({first, second});
  EXPECT_TRUE(watch.is_to_be_read());
  EXPECT_FALSE(watch.was_read(true));
  EXPECT_FALSE(watch.is_to_be_read());
  std::ofstream(second) << "came";
  expect_change(watch);
  std::ofstream(first) << "other";
  expect_change(watch);
  std::filesystem::remove(second);
  expect_change(watch);
  std::ofstream(scratch.file("new")) << "other";  // of the same size, put in its place
  std::filesystem::rename(scratch.file("new"), first);
  expect_change(watch);
  ASSERT_EQ(::chmod(first.c_str(), 0600), 0);
  expect_change(watch);
}

TEST(FileWatchTest, WhatCouldNotBeTakenIsReadAgain) {
  const ScratchDir scratch;
  std::ofstream(scratch.file("file")) << "no good";
  FileWatch watch({scratch.file("file")});
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(watch.is_to_be_read());
    EXPECT_FALSE(watch.was_read(false));
  }
  EXPECT_TRUE(watch.is_to_be_read());
  EXPECT_TRUE(watch.was_read(true));
  EXPECT_FALSE(watch.is_to_be_read());
}

}  // namespace
}  // namespace hongbao
