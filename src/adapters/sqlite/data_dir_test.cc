#include "adapters/sqlite/data_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "base/scratch_dir.h"

namespace hongbao::sqlite {
namespace {

using testing::HasSubstr;

class DataDirTest : public testing::Test {
 protected:
  ScratchDir base_;
  std::string path_ = base_.file("deep/data");
};

TEST_F(DataDirTest, MakesTheDirectoryForItsOwnerOnly) {
  const auto locked = DataDir::lock(path_);
  ASSERT_TRUE(locked.has_value());
  EXPECT_EQ(locked->path(), path_);
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
}

TEST_F(DataDirTest, ASecondLockIsRefusedWithThePidOfTheFirst) {
  const auto first = DataDir::lock(path_);
  ASSERT_TRUE(first.has_value());
  const auto second = DataDir::lock(path_);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kConfig);
  EXPECT_EQ(second.error().field, "data.dir");
  EXPECT_THAT(second.error().detail, HasSubstr("another hongbaod (pid " + std::to_string(::getpid()) + ")"));
  EXPECT_THAT(second.error().detail, HasSubstr(path_));
}

TEST_F(DataDirTest, DestructionReleasesTheLockAndMovingKeepsIt) {
  {
    auto first = DataDir::lock(path_);
    ASSERT_TRUE(first.has_value());
    DataDir moved = std::move(*first);
    first = std::unexpected(Error{ErrorCode::kConfig});  // destroys the moved-from one
    EXPECT_FALSE(DataDir::lock(path_).has_value());
    EXPECT_EQ(moved.path(), path_);
  }
  EXPECT_TRUE(DataDir::lock(path_).has_value());
}

TEST_F(DataDirTest, ALockFileLeftByADeadProcessDoesNotMatter) {
  std::filesystem::create_directories(path_);
  std::ofstream(path_ + "/LOCK") << "123456789012345\n";
  ASSERT_TRUE(DataDir::lock(path_).has_value());
  std::ifstream file(path_ + "/LOCK");
  std::string pid;
  std::getline(file, pid);
  EXPECT_EQ(pid, std::to_string(::getpid()));
}

TEST_F(DataDirTest, APathThatIsAFileIsRefused) {
  std::ofstream(base_.file("file")) << "x";
  const auto locked = DataDir::lock(base_.file("file"));
  ASSERT_FALSE(locked.has_value());
  EXPECT_EQ(locked.error().field, "data.dir");
}

TEST_F(DataDirTest, AFileTakesAnothersPlaceWhole) {
  const auto directory = DataDir::lock(path_);
  ASSERT_TRUE(directory.has_value());
  for (const std::string text : {"a longer text", "short"}) {
    ASSERT_TRUE(directory->write_file("NAME", text).has_value());
    std::ifstream file(path_ + "/NAME");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), text);
  }
  EXPECT_FALSE(std::filesystem::exists(path_ + "/NAME.new"));
  EXPECT_EQ(directory->write_file("no/such/directory", "x").error().field, "data.dir");
}

TEST_F(DataDirTest, ATrailingSlashAndARelativePathAreTaken) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(base_.path());
  EXPECT_TRUE(DataDir::lock("data/").has_value());
  EXPECT_TRUE(DataDir::lock("other").has_value());
  std::filesystem::current_path(before);
  EXPECT_TRUE(std::filesystem::is_directory(base_.file("data")));
}

}  // namespace
}  // namespace hongbao::sqlite
