#include "base/descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>

namespace hongbao {
namespace {

using namespace std::chrono_literals;

TEST(Descriptors, AClosedStandardDescriptorIsNoLongerFreeAndStillFails) {
  // In a process of its own, which says by its exit status what it found.
  EXPECT_EXIT(
      {
        for (const int number : {0, 1, 2}) {
          ::close(number);
        }
        const bool guarded = guard_standard_descriptors();
        const int next = ::open("/dev/null", O_RDONLY);
        char byte = 'x';
        const bool fail = ::read(0, &byte, 1) < 0 && ::write(1, &byte, 1) < 0 && ::write(2, &byte, 1) < 0;
        ::_exit(guarded && next > 2 && fail ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST(Descriptors, CountsThoseThatAreOpen) {
  const uint64_t before = open_descriptors();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  EXPECT_EQ(open_descriptors(), before + 2);
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Descriptors, WritingWithinATimeGivesUpOnAPipeThatIsFull) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  EXPECT_TRUE(write_within(ends[1], "words\n", 10s));
  EXPECT_FALSE(write_within(ends[1], std::string(1UL << 20, 'x'), 10ms));
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_FALSE(write_within(ends[1], "closed\n", 10s));
}

}  // namespace
}  // namespace hongbao
