#include "base/file_watch.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/scratch_dir.h"

namespace hongbao {
namespace {

TEST(FileWatchTest, TellsOnceOfEveryChange) {
  const ScratchDir scratch;
  const std::string first = scratch.file("first");
  const std::string second = scratch.file("second");
  std::ofstream(first) << "one";
  FileWatch watch({first, second});
  EXPECT_FALSE(watch.has_changed());
  std::ofstream(second) << "came";
  EXPECT_TRUE(watch.has_changed());
  EXPECT_FALSE(watch.has_changed());
  std::ofstream(first) << "other";
  EXPECT_TRUE(watch.has_changed());
  std::filesystem::remove(second);
  EXPECT_TRUE(watch.has_changed());
  // Of the same size, put in its place.
  std::ofstream(second) << "one";
  EXPECT_TRUE(watch.has_changed());
  std::ofstream(scratch.file("new")) << "two";
  std::filesystem::rename(scratch.file("new"), second);
  EXPECT_TRUE(watch.has_changed());
  EXPECT_FALSE(watch.has_changed());
}

}  // namespace
}  // namespace hongbao
