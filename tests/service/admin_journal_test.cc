#include "service/admin_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <limits>

#include "support/memory_admin_journal_store.h"

namespace hongbao::admin_journal_test {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::SizeIs;

constexpr uint64_t kAll = std::numeric_limits<uint64_t>::max();

BegunChange change(const std::string& call) {
  return {.at = {}, .token = "ann", .role = "operator", .from = "::1", .call = call, .content = ""};
}

class AdminJournalTest : public testing::Test {
 protected:
  std::future<Result<uint64_t>> begin(const std::string& call) {
    auto promise = std::make_shared<std::promise<Result<uint64_t>>>();
    journal_.begin(change(call), [promise](Result<uint64_t> no) { promise->set_value(std::move(no)); });
    return promise->get_future();
  }
  std::vector<JournalEntry> entries() {
    std::promise<Result<std::vector<JournalEntry>>> promise;
    journal_.newest(kAll, 100, [&](Result<std::vector<JournalEntry>> read) { promise.set_value(std::move(read)); });
    return promise.get_future().get().value();
  }
  static ErrorCode refusal(std::future<Result<uint64_t>> begun) { return begun.get().error().code; }

  MemoryAdminJournalStore store_;
  SystemClock clock_;
  prometheus::Registry registry_;
  AdminJournal journal_{
      store_, clock_, {.bytes_max = 1'000, .patience = milliseconds(200), .waiting_max = 8}, registry_};
};

TEST_F(AdminJournalTest, AChangeBeginsBehindItsLineAndItsEndIsAdded) {
  journal_.start();
  const uint64_t no = begin("POST /a").get().value();
  ASSERT_THAT(entries(), SizeIs(1));
  EXPECT_FALSE(entries()[0].ended.has_value()) << "as it is when the process dies now";
  EXPECT_GT(entries()[0].begun.at, Timestamp{0});
  journal_.end(no, "200");
  EXPECT_EQ(entries()[0].ended->outcome, "200");
  EXPECT_EQ(entries()[0].begun.call, "POST /a");
}

TEST_F(AdminJournalTest, LinesThatComeTogetherAreWrittenTogether) {
  std::vector<std::future<Result<uint64_t>>> begun;
  for (int i = 0; i < 8; ++i) {
    begun.push_back(begin("POST /a"));
  }
  EXPECT_EQ(refusal(begin("POST /b")), ErrorCode::kJournalUnavailable) << "too many wait";
  journal_.start();
  for (auto& each : begun) {
    EXPECT_TRUE(each.get().has_value());
  }
  EXPECT_EQ(store_.appends(), 1);
}

TEST_F(AdminJournalTest, AStoreThatFailsRefusesTheChange) {
  journal_.start();
  store_.fail(true);
  EXPECT_EQ(refusal(begin("POST /a")), ErrorCode::kJournalUnavailable);
  store_.fail(false);
  EXPECT_TRUE(begin("POST /b").get().has_value());
  ASSERT_THAT(entries(), SizeIs(1));
  EXPECT_EQ(entries()[0].begun.call, "POST /b");
}

TEST_F(AdminJournalTest, AStoreThatHangsRefusesTheChangeInTimeAndSaysSoLater) {
  journal_.start();
  store_.hold();
  auto first = begin("POST /a");
  while (!store_.is_held()) {
    std::this_thread::sleep_for(milliseconds(1));
  }
  auto second = begin("POST /b");  // behind the one that hangs
  EXPECT_EQ(refusal(std::move(first)), ErrorCode::kJournalUnavailable);
  EXPECT_EQ(refusal(std::move(second)), ErrorCode::kJournalUnavailable);
  store_.release();
  EXPECT_TRUE(begin("POST /c").get().has_value());
  const auto all = entries();
  ASSERT_THAT(all, SizeIs(2)) << "what was given up before it was written left no line";
  EXPECT_EQ(all[0].begun.call, "POST /c");
  EXPECT_EQ(all[1].begun.call, "POST /a");
  EXPECT_EQ(all[1].ended->outcome, "not made: its line came too late");
}

TEST_F(AdminJournalTest, AFullJournalRefusesChangesAndStillTakesEnds) {
  journal_.start();
  const uint64_t no = begin("POST /a").get().value();
  store_.set_bytes(1'000);
  EXPECT_EQ(refusal(begin("POST /b")), ErrorCode::kJournalUnavailable);
  journal_.end(no, "200");
  ASSERT_THAT(entries(), SizeIs(1));
  EXPECT_TRUE(entries()[0].ended.has_value());
  store_.set_bytes(999);
  EXPECT_TRUE(begin("POST /b").get().has_value());
}

TEST_F(AdminJournalTest, AStopWritesWhatWaitsAndBeginsNothing) {
  journal_.start();
  const uint64_t no = begin("POST /a").get().value();
  journal_.end(no, "200");
  journal_.stop();
  EXPECT_EQ(refusal(begin("POST /b")), ErrorCode::kShuttingDown);
  EXPECT_EQ(store_.newest(kAll, 10).value().at(0).ended->outcome, "200");
}

}  // namespace
}  // namespace hongbao::admin_journal_test
