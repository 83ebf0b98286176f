#include "base/input_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/scratch_dir.h"

namespace hongbao {
namespace {

using testing::HasSubstr;

class InputFile : public testing::Test {
 protected:
  std::string path(const char* name) const { return dir_.file(name); }
  std::string error_of(const std::string& file, size_t bytes_max = 100) const {
    const auto text = read_input_file(file, bytes_max);
    return text ? "no error" : text.error().detail;
  }

  const ScratchDir dir_;
};

TEST_F(InputFile, GivesTheWholeText) {
  for (const char* name : {"plain", "with \"quotes\" and \\", "with\nnewline", "-dash", "{braces} %s"}) {
    std::ofstream(path(name)) << "text\n";
    const auto text = read_input_file(path(name), 5);
    ASSERT_TRUE(text) << text.error().detail;
    EXPECT_EQ(*text, "text\n");
    EXPECT_TRUE(check_input_file(path(name)));
  }
}

TEST_F(InputFile, SaysWhyThereIsNone) {
  EXPECT_EQ(error_of(path("missing")), "does not exist");
  EXPECT_EQ(error_of(""), "is an empty name");
  EXPECT_EQ(error_of(dir_.path()), "is a directory, not a file");
  std::ofstream(path("long")) << std::string(101, 'x');
  EXPECT_EQ(error_of(path("long")), "is larger than 100 bytes");
  EXPECT_THAT(error_of(path("long") + "/below"), HasSubstr("cannot be read: "));
  EXPECT_EQ(error_of("/dev/zero"), "is not a regular file");
}

TEST_F(InputFile, TellsWhatEverybodyMayDo) {
  std::ofstream(path("file")) << "text\n";
  const auto rules = [&](mode_t mode) {
    EXPECT_EQ(::chmod(path("file").c_str(), mode), 0);
    return std::pair(check_private_file(path("file")).has_value(), check_steady_file(path("file")).has_value());
  };
  EXPECT_EQ(rules(0660), std::pair(true, true));
  EXPECT_EQ(rules(0664), std::pair(false, true));
  EXPECT_EQ(rules(0662), std::pair(false, false));
}

TEST_F(InputFile, WaitsForNobodyAtAFifo) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(error_of(path("fifo")), "is not a regular file");
  const auto opened = open_output_file(path("fifo"));
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().detail, HasSubstr("nobody reads this FIFO"));
}

TEST_F(InputFile, WritesWhereItCan) {
  const auto file = open_output_file(path("new"));
  ASSERT_TRUE(file);
  EXPECT_EQ(::write(*file, "x", 1), 1);
  ::close(*file);
  EXPECT_EQ(read_input_file(path("new"), 1), "x");
  for (const std::string& bad : {dir_.path(), path("none/below"), std::string()}) {
    EXPECT_FALSE(open_output_file(bad)) << bad;
  }
}

}  // namespace
}  // namespace hongbao
