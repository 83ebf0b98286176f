#include "apps/load/history.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace hongbao::load {
namespace {

class HistoryTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "hongbao_history_" + testing::UnitTest::GetInstance()->current_test_info()->name() +
            ".jsonl";
    run_.run = "nabc";
    run_.users = 10;
    run_.deposit = Money(500);
    packet_.id = "s001-x";
    packet_.sender = 3;
    packet_.kind = PacketKind::kLucky;
    packet_.rule = Rule::kFair;
    packet_.total = Money(100);
    packet_.count = 2;
    packet_.commitment = "c0ffee";
  }
  void TearDown() override { std::filesystem::remove(path_); }

  void write_run() {
    auto file = HistoryFile::create(path_);
    ASSERT_TRUE(file);
    HistoryWriter writer(**file, run_);
    const ShareAnswer share{7, 1, Money(60), 42};
    writer.run_started(Timestamp{1});
    writer.sent(packet_, Timestamp{2});
    writer.paid(packet_, Timestamp{3});
    writer.answered(Op::kGrab, packet_, 7, Outcome::kTicket, nullptr, Timestamp{4});
    writer.answered(Op::kOpen, packet_, 7, Outcome::kOpened, &share, Timestamp{5});
    writer.answered(Op::kGrab, packet_, 8, Outcome::kExhausted, nullptr, Timestamp{6});
    writer.unknown(Op::kOpen, packet_, 9, Timestamp{7});
    writer.run_ended(Timestamp{8});
  }

  std::string path_;
  RunRecord run_;
  PacketRecord packet_;
};

TEST_F(HistoryTest, ReadsBackWhatWasWritten) {
  write_run();
  const auto read = read_history(path_);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_TRUE(read->complete);
  EXPECT_EQ(read->deposit, Money(500));
  EXPECT_EQ(read->uncertain_users, std::set<uint32_t>{9});
  ASSERT_EQ(read->packets.size(), 1U);
  const PacketRecord& packet = read->packets[0];
  EXPECT_EQ(packet.sender, 3U);
  EXPECT_EQ(packet.rule, Rule::kFair);
  EXPECT_TRUE(packet.paid);
  EXPECT_TRUE(packet.uncertain);
  EXPECT_TRUE(packet.said_exhausted);
  EXPECT_EQ(packet.shares, (std::vector<ShareAnswer>{{7, 1, Money(60), 42}}));
}

TEST_F(HistoryTest, AHalfWrittenLastLineEndsAnIncompleteHistory) {
  write_run();
  std::string text;
  {
    std::ifstream in(path_);
    text.assign(std::istreambuf_iterator<char>(in), {});
  }
  std::ofstream(path_, std::ios::trunc) << text.substr(0, text.size() - 10);
  const auto read = read_history(path_);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_FALSE(read->complete);
  EXPECT_EQ(read->packets.size(), 1U);
}

TEST_F(HistoryTest, NamesTheLineThatIsNotOne) {
  write_run();
  std::ofstream(path_, std::ios::app) << "nonsense\n{}\n";
  const auto read = read_history(path_);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().detail.find(":9 "), std::string::npos) << read.error().detail;
}

TEST_F(HistoryTest, ASecondDifferentShareIsAContradiction) {
  EXPECT_TRUE(packet_.note_share({7, 1, Money(60), 42}));
  EXPECT_FALSE(packet_.note_share({7, 1, Money(60), 42}));
  EXPECT_TRUE(packet_.contradictions.empty());
  EXPECT_FALSE(packet_.note_share({7, 1, Money(61), 42}));
  EXPECT_EQ(packet_.contradictions.size(), 1U);
}

TEST_F(HistoryTest, UserNamesAreNumbersOfThisRun) {
  EXPECT_EQ(run_.user_number(run_.user_name(4)), 4U);
  EXPECT_FALSE(run_.user_number("nabc-10"));
  EXPECT_FALSE(run_.user_number("nabc-"));
  EXPECT_FALSE(run_.user_number("other-4"));
}

TEST_F(HistoryTest, ADiskThatRefusesLinesIsToldInTheEnd) {
  const auto file = HistoryFile::create("/dev/full");
  ASSERT_TRUE(file);
  EXPECT_TRUE((*file)->outcome());
  (*file)->append("line\n");
  ASSERT_FALSE((*file)->outcome());
  EXPECT_EQ((*file)->outcome().error().field, "--history");
}

TEST_F(HistoryTest, APathThatCanNotBeWrittenIsRefusedBeforeTheRun) {
  for (const std::string& path : {testing::TempDir(), path_ + "/below"}) {
    const auto file = HistoryFile::create(path);
    ASSERT_FALSE(file) << path;
    EXPECT_EQ(file.error().field, "--history");
  }
}

TEST_F(HistoryTest, RefusesMoreUsersThanThereCanBe) {
  std::ofstream(path_) << R"({"type":"run","run":"nabc","users":4000000000,"deposit":1,"t":1})" << "\n";
  EXPECT_FALSE(read_history(path_));
}

}  // namespace
}  // namespace hongbao::load
