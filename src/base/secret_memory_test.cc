#include "base/secret_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

namespace hongbao {
namespace {

// The sanitizers' mlock does nothing.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
size_t locked_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmLck:")) {
      return std::stoul(line.substr(6));
    }
  }
  return 0;
}

TEST(SecretMemoryTest, IsLocked) {
  const size_t before = locked_kib();
  {
    const std::vector<char, SecretAllocator<char>> secret(100, 'x');
    EXPECT_GT(locked_kib(), before);
  }
  EXPECT_EQ(locked_kib(), before);
}
#endif

TEST(SecretMemoryDeathTest, BehindItNobodyReads) {
  const std::vector<uint64_t, SecretAllocator<uint64_t>> secret(3, 1);
  const volatile uint64_t* behind = secret.data() + 3;
  EXPECT_DEATH((void)*behind, "");
}

TEST(SecretMemoryTest, AWipedStringHasNothingLeft) {
  std::string text(100, 'x');
  wipe(text);
  EXPECT_EQ(text, std::string(100, '\0'));
}

}  // namespace
}  // namespace hongbao
