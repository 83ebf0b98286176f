// A shard's database on the test server, and commits of one packet with very many shares.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "adapters/mariadb/order_store.h"
#include "contract/engines.h"
#include "contract/values.h"

namespace hongbao {

inline constexpr uint32_t kManyShares = 1'000'000;
inline constexpr size_t kBatchVouchers = 16;

class MariadbOrders : public testing::Test {
 protected:
  std::unique_ptr<OrderStore> open(const mariadb::Server& server = test_mariadb()) {
    return databases_.open(server).value();
  }
  // Waits for locks as long as a server of the product does.
  static mariadb::Server patient() {
    mariadb::Server server = test_mariadb();
    server.answer_timeout = std::chrono::seconds(10);
    return server;
  }
  // A transaction of somebody else, which may stand idle for as long as it likes.
  mariadb::Database stranger() {
    auto database = mariadb::Database::open(patient(), databases_.hot().name, mariadb::Database::Mode::kWrite);
    database.execute("SET SESSION idle_transaction_timeout = 0");
    return database;
  }
  // A server that comes back is there after a while.
  static ShardHead acquire(OrderStore& store, std::string_view owner = "owner") {
    constexpr int tries_max = 100;
    for (int tries = 1;; ++tries) {
      const auto head = store.acquire(owner, kNoLease);
      if (head || tries == tries_max) {
        return head.value();
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  // The first commit of a shard: one packet with many shares.
  static CommitBatch activation(const ShardHead& head) {
    const Order made = order(key(0), kManyShares, kManyShares);
    return {head.epoch, head.next_voucher, {made}, {paid(head.next_voucher.value, made)}, {}};
  }
  // Every share of the packet is one fen, and its number follows from the voucher's.
  static CommitBatch some_opens(const ShardHead& head, size_t count = kBatchVouchers) {
    CommitBatch batch{head.epoch, head.next_voucher, {}, {}, {}};
    for (size_t i = 0; i < count; ++i) {
      const uint64_t no = batch.next().value;
      batch.vouchers.push_back(opened(no, key(0), static_cast<uint32_t>(no - 1), fmt::format("u{}", no), 1));
    }
    return batch;
  }
  static ShardHead start(OrderStore& store) {
    ShardHead head = acquire(store);
    const CommitBatch batch = activation(head);
    EXPECT_EQ(store.commit(batch), CommitOutcome::kCommitted);
    return {head.epoch, batch.next()};
  }
  // Everything below `next` is there once, and nothing else.
  static void expect_whole_log(OrderStore& store, VoucherNo next) {
    const auto log = store.read_log({1}, next.value + 100).value();
    EXPECT_THAT(log, testing::SizeIs(next.value - 1));
    EXPECT_THAT(store.load(key(0)).value()->opened, testing::SizeIs(next.value - 2));
    EXPECT_THAT(store.violations(10).value(), testing::SizeIs(0));
  }

  ScratchOrders databases_;
};

}  // namespace hongbao
