#include "base/line_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace hongbao {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr size_t kBytesMax = 64 * 1024;
const std::string kLine = std::string(99, 'x') + "\n";

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    out = ends[0];
    in = ends[1];
  }

  // All that comes until `text` was seen, and what came along.
  std::string read_until(std::string_view text) const {
    std::string all;
    std::array<char, 4096> some{};
    while (!all.contains(text)) {
      const ssize_t count = ::read(out, some.data(), some.size());
      if (count <= 0) {
        break;
      }
      all.append(some.data(), static_cast<size_t>(count));
    }
    return all;
  }

  // The writers live on, and so do the descriptors.
  int out = -1;
  int in = -1;
};

uint64_t lines_of(std::string_view text) {
  return static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(LineWriter, WritesWhatIsAddedInItsOrder) {
  const Pipe pipe;
  LineWriter& writer = LineWriter::start(pipe.in, kBytesMax);
  writer.add("one\n");
  writer.add("two\n");
  EXPECT_TRUE(writer.flush(10s));
  EXPECT_EQ(pipe.read_until("two\n"), "one\ntwo\n");
}

TEST(LineWriter, NobodyWaitsForAPipeThatIsFullAndWhatWasDroppedIsTold) {
  const Pipe pipe;
  LineWriter& writer = LineWriter::start(pipe.in, kBytesMax);
  constexpr uint64_t kLines = 10'000;  // a megabyte: more than the pipe and the queue hold
  constexpr std::string_view kCount = "\"event\":\"log_lines_dropped\",\"count\":";
  std::string all;
  for (uint64_t i = 0; i < kLines; ++i) {
    writer.add(kLine);
  }
  EXPECT_FALSE(writer.flush(10ms));
  uint64_t written = 0;
  uint64_t dropped = 0;
  while (written + dropped < kLines) {
    const std::string some = pipe.read_until("\n");
    ASSERT_FALSE(some.empty());
    all += some;
    written = lines_of(all);
    dropped = 0;
    for (size_t at = all.find(kCount); at != std::string::npos; at = all.find(kCount, at + 1)) {
      dropped += std::stoull(all.substr(at + kCount.size()));
      --written;
    }
  }
  EXPECT_EQ(written + dropped, kLines);
  EXPECT_GT(dropped, 0);
  EXPECT_TRUE(writer.flush(10s));
  writer.add("and on\n");
  EXPECT_THAT(pipe.read_until("and on\n"), HasSubstr("and on\n"));
}

TEST(LineWriter, ADescriptorThatRefusesIsSurvived) {
  std::signal(SIGPIPE, SIG_IGN);
  const Pipe pipe;
  ::close(pipe.out);
  LineWriter& writer = LineWriter::start(pipe.in, kBytesMax);
  writer.add(kLine);
  EXPECT_TRUE(writer.flush(10s));
  writer.add(kLine);
  EXPECT_TRUE(writer.flush(10s));
}

TEST(LineWriter, WhatADescriptorRefusedIsToldOnceItTakesLinesAgain) {
  const Pipe pipe;
  // A full device, which later becomes the pipe.
  const int descriptor = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(descriptor, 0);
  LineWriter& writer = LineWriter::start(descriptor, kBytesMax);
  for (int i = 0; i < 3; ++i) {
    writer.add("lost\n");
    ASSERT_TRUE(writer.flush(10s));
  }
  ASSERT_EQ(::dup2(pipe.in, descriptor), descriptor);
  writer.add("kept\n");
  EXPECT_THAT(pipe.read_until("}\n"), HasSubstr("\"event\":\"log_lines_dropped\",\"count\":3}\n"));
}

TEST(LineWriter, ADescriptorThatOthersMadeNonBlockingLosesNothing) {
  const Pipe pipe;
  ASSERT_EQ(::fcntl(pipe.in, F_SETFL, O_NONBLOCK), 0);
  LineWriter& writer = LineWriter::start(pipe.in, 1024UL * 1024);
  for (int i = 0; i < 2'000; ++i) {
    writer.add(kLine);
  }
  writer.add("end\n");
  EXPECT_EQ(lines_of(pipe.read_until("end\n")), 2'001);
}

}  // namespace
}  // namespace hongbao
