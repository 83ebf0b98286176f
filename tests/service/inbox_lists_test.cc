// The first pages of lists in the cache, and the feed that erases them.
#include "service/inbox_lists.h"

#include <fmt/format.h>

#include "service/faulty_cache.h"
#include "service/inbox_feed.h"
#include "service/service_fixture.h"

namespace hongbao {
namespace {

constexpr size_t kPageEntries = 51;  // one more than is shown

// Counts reads, and lets a test do something in the middle of one.
class WatchedInboxStore final : public InboxStore {
 public:
  std::atomic<int> reads{0};
  std::function<void()> after_read{};
  bool commits_and_fails = false;

  Result<bool> apply(const InboxBatch& batch) override {
    auto applied = inner_.apply(batch);
    return commits_and_fails ? fail(ErrorCode::kStorage, "told to fail") : std::move(applied);
  }
  Result<VoucherNo> cursor(ShardId shard) override { return inner_.cursor(shard); }
  Result<std::vector<SentEntry>> sent(const UserId& user, ListPosition before, size_t entries_max) override {
    ++reads;
    auto entries = inner_.sent(user, before, entries_max);
    if (after_read) {
      std::exchange(after_read, nullptr)();
    }
    return entries;
  }
  Result<std::vector<ReceivedEntry>> received(const UserId& user, ListPosition before, size_t entries_max) override {
    ++reads;
    return inner_.received(user, before, entries_max);
  }
  Result<YearSummary> summary(const UserId& user, int year) override { return inner_.summary(user, year); }

 private:
  MemoryInboxStore inner_;
};

class InboxListsTest : public ServiceTest {
 protected:
  void feed_all() {
    while (feed.step(/*from_log=*/true).value() > 0) {
    }
  }
  void send(int packets, const std::string& sender = "alice") {
    for (int i = 0; i < packets; ++i) {
      at.active(lucky(1'000 + i, 2), sender);
    }
    feed_all();
  }

  Result<std::vector<SentEntry>> sent(ListPage page, const std::string& sender = "alice") {
    return ask<std::vector<SentEntry>>([&](auto done) { lists.sent(user(sender), page, std::move(done)); }).get();
  }
  size_t count(ListPage page = kFirst) { return sent(page).value().size(); }
  size_t received_count(const std::string& taker) {
    return ask<std::vector<ReceivedEntry>>([&](auto done) { lists.received(user(taker), kFirst, std::move(done)); })
        .get()
        .value()
        .size();
  }
  static std::vector<ListPosition> positions_of(const std::vector<SentEntry>& entries) {
    std::vector<ListPosition> positions;
    for (const SentEntry& entry : entries) {
      positions.push_back(entry.position());
    }
    return positions;
  }
  // As the store has them.
  std::vector<ListPosition> positions(ListPosition before, size_t max) {
    return positions_of(store.sent(user("alice"), before, max).value());
  }
  void expect_page(ListPage page) {
    EXPECT_EQ(positions_of(sent(page).value()), positions(page.before, page.entries_max));
  }

  static constexpr ListPage kFirst{.entries_max = kPageEntries, .is_in_head = true};

  FaultyCache cache{at.cache};
  WatchedInboxStore store;
  InboxHeads heads{cache, at.ids, at.clock, at.registry};
  InboxLists lists{store, at.workers, &heads};
  InboxFeed feed{at.orders, at.stream, store, &heads, at.ownership, 64};
};

TEST_F(InboxListsTest, AListIsReadFromTheStoreOnce) {
  send(3);
  const auto first = sent(kFirst).value();
  ASSERT_EQ(first.size(), 3U);
  for (int i = 0; i < 3; ++i) {
    const auto again = sent(kFirst).value();
    ASSERT_EQ(again.size(), 3U);
    for (size_t entry = 0; entry < again.size(); ++entry) {
      EXPECT_EQ(again[entry].position(), first[entry].position());
      EXPECT_EQ(again[entry].packet, first[entry].packet);
      EXPECT_EQ(again[entry].total, first[entry].total);
      EXPECT_EQ(again[entry].refunded, first[entry].refunded);
      EXPECT_EQ(again[entry].paid_at, first[entry].paid_at);
    }
  }
  EXPECT_EQ(store.reads, 1);
}

TEST_F(InboxListsTest, SharesComeBackFromTheCacheAsTheyWere) {
  const PacketKey packet = at.active(lucky(1'000, 2));
  const Share share = at.opened(packet, "bob").share.value();
  feed_all();
  for (int i = 0; i < 2; ++i) {
    const auto entries =
        ask<std::vector<ReceivedEntry>>([&](auto done) { lists.received(user("bob"), kFirst, std::move(done)); }).get();
    ASSERT_EQ(entries->size(), 1U);
    EXPECT_EQ(entries->front().packet, packet);
    EXPECT_EQ(entries->front().seq, share.seq);
    EXPECT_EQ(entries->front().amount, share.amount);
    EXPECT_EQ(entries->front().opened_at, share.opened_at);
    EXPECT_EQ(entries->front().voucher, share.voucher);
  }
  EXPECT_EQ(store.reads, 1);
}

TEST_F(InboxListsTest, AChangeShowsAfterItsCommit) {
  send(1);
  EXPECT_EQ(count(), 1U);
  EXPECT_EQ(received_count("bob"), 0U);
  const PacketKey packet = at.active(lucky(100, 2), "alice");
  at.opened(packet, "bob");
  feed_all();
  EXPECT_EQ(count(), 2U);
  EXPECT_EQ(received_count("bob"), 1U);
  at.clock.advance(kPacketTtl);
  at.refund();
  feed_all();
  EXPECT_NE(sent(kFirst)->front().refunded, Money(0));
}

TEST_F(InboxListsTest, AReaderThatIsOvertakenFillsNothing) {
  send(1);
  store.after_read = [&] { send(1); };
  EXPECT_EQ(count(), 1U) << "as it was when it was read";
  EXPECT_EQ(count(), 2U);
}

TEST_F(InboxListsTest, TwoPagesComeFromTheCacheAndDeeperOnesFromTheStore) {
  send(120);
  const ListPosition second = positions(kListTop, 50).back();
  const ListPosition third = positions(second, 50).back();
  store.reads = 0;
  const std::vector<ListPage> pages{kFirst,
                                    {.before = second, .entries_max = kPageEntries, .is_in_head = true},
                                    {.before = third, .entries_max = kPageEntries},
                                    {.entries_max = 11}};
  EXPECT_EQ(count(), kPageEntries);
  EXPECT_EQ(store.reads, 1);
  EXPECT_EQ(count(pages[1]), kPageEntries);
  EXPECT_EQ(store.reads, 1);
  for (const ListPage& page : pages) {
    expect_page(page);
  }
  send(1);  // the second page moves down in the list, out of the head
  expect_page(pages[1]);
  expect_page(pages[1]);
  expect_page(kFirst);
}

TEST_F(InboxListsTest, ADeadCacheIsGoneAround) {
  cache.refuses = true;
  send(2);
  EXPECT_EQ(count(), 2U);
  EXPECT_EQ(count(), 2U);
  EXPECT_EQ(store.reads, 2);
}

TEST_F(InboxListsTest, AnEraseThatFailedIsTriedAgain) {
  send(1);
  EXPECT_EQ(count(), 1U);
  cache.refuses = true;
  send(1);
  EXPECT_EQ(cache.erases, 2);
  feed_all();
  EXPECT_EQ(cache.erases, 2) << "not at once";
  cache.refuses = false;
  EXPECT_EQ(count(), 1U) << "stale for a while";
  at.clock.advance(InboxHeads::kEraseRetryPause);
  feed_all();
  EXPECT_EQ(count(), 2U);
}

TEST_F(InboxListsTest, AListThatNobodyErasesIsRightAgainAfterItsTime) {
  send(1);
  EXPECT_EQ(count(), 1U);
  InboxFeed other(at.orders, at.stream, store, nullptr, at.ownership, 64);
  at.active(lucky(100, 2), "alice");
  while (other.step(/*from_log=*/true).value() > 0) {
  }
  EXPECT_EQ(count(), 1U);
  at.clock.advance(InboxHeads::kTtl);
  EXPECT_EQ(count(), 2U);
}

TEST_F(InboxListsTest, ACommitWhoseAnswerWasLostErasesToo) {
  send(1);
  EXPECT_EQ(count(), 1U);
  store.commits_and_fails = true;
  at.active(lucky(100, 2), "alice");
  EXPECT_EQ(error_of(feed.step(/*from_log=*/true)), ErrorCode::kStorage);
  EXPECT_EQ(count(), 2U);
}

TEST_F(InboxListsTest, GarbageAndOthersListsAreNotShown) {
  send(1, "mallory");
  send(2, "alice");
  EXPECT_EQ(sent(kFirst, "mallory")->size(), 1U);
  std::string record;
  at.cache.get("inbox:sent:mallory", [&](auto found) { record = found.value().value(); });
  for (const std::string& value : {std::string("garbage"), std::string(), record}) {
    at.cache.put("inbox:sent:alice", value, InboxHeads::kTtl, [](auto) {});
    EXPECT_EQ(count(), 2U);
  }
}

TEST_F(InboxListsTest, AStepErasesOnceForAllItsUsers) {
  const PacketKey packet = at.active(lucky(1'000, 20), "alice");
  for (int i = 0; i < 20; ++i) {
    at.opened(packet, fmt::format("taker-{}", i));
  }
  EXPECT_EQ(feed.step(/*from_log=*/true).value(), 21U);
  EXPECT_EQ(cache.erases, 1);
}

}  // namespace
}  // namespace hongbao
