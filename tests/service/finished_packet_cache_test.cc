// Finished packets in the caches: what an owner keeps there another node shows, and nothing else.
#include "service/finished_packet_cache.h"

#include <fmt/format.h>

#include "service/faulty_cache.h"
#include "service/service_fixture.h"
#include "support/shard_options.h"

namespace hongbao {
namespace {

// A node that owns no shard; its memory is empty, and its caches are the second level's.
class OtherNode {
 public:
  explicit OtherNode(Deployment& at)
      : at_(at),
        cache(at.cache),
        finished(cache, at.ids, at.clock, registry),
        pre_orders(cache, at.pay_tokens, at.ids, kPayable + kPacketTtl, at.clock, registry),
        profiles(cache, at.clock, registry),
        residency(shards, pre_orders),
        viewing(residency, pre_orders, &finished, profiles, at.ids) {
    for (const ShardId id : at.shard_ids) {
      shards.add(std::make_unique<Shard>(id, *at.orders.at(id), at.stream, at.clock, test_shard_options(), registry));
    }
  }

  Result<PacketView> view(const PacketKey& packet, const std::string& viewer = "alice") {
    return ask<PacketView>([&](auto done) { viewing.view(packet, user(viewer), soon(at_.clock), std::move(done)); })
        .get();
  }
  Result<SharesPage> shares(const PacketKey& packet, uint32_t seq, uint32_t max, const std::string& viewer = "alice") {
    return ask<SharesPage>(
               [&](auto done) { viewing.shares(packet, user(viewer), seq, max, soon(at_.clock), std::move(done)); })
        .get();
  }

 private:
  Deployment& at_;

 public:
  prometheus::Registry registry;
  FaultyCache cache;
  ShardSet shards;
  FinishedPacketCache finished;
  PreOrders pre_orders;
  Profiles profiles;
  Residency residency;
  Viewing viewing;
};

class FinishedPacketCacheTest : public ServiceTest {
 protected:
  // Opened by all, and shown by its owner.
  PacketKey finished(int64_t total, uint32_t count) {
    const PacketKey packet = at.active(lucky(total, count), "alice");
    for (uint32_t i = 0; i < count; ++i) {
      at.opened(packet, fmt::format("taker-{}", i));
    }
    EXPECT_TRUE(is_finished(at.view(packet)->state));
    return packet;
  }
  SharesPage owners_shares(const PacketKey& packet, uint32_t seq, uint32_t max) {
    return at.shares(packet, seq, max).value();
  }
  std::string cached(const PacketKey& packet) { return "view:" + at.ids.print(packet); }
  void put(const std::string& key, const std::string& value) {
    at.cache.put(key, value, std::chrono::hours(1), [](Result<void>) {});
  }

  OtherNode other{at};
};

void expect_same(const PacketView& seen, const PacketView& owners) {
  EXPECT_EQ(seen.id, owners.id);
  EXPECT_EQ(seen.order, owners.order);
  EXPECT_EQ(seen.state, owners.state);
  EXPECT_EQ(seen.opened_count, owners.opened_count);
  EXPECT_EQ(seen.opened_amount, owners.opened_amount);
  EXPECT_EQ(seen.refunded_amount, owners.refunded_amount);
  EXPECT_EQ(seen.greeting, owners.greeting);
}

void expect_same(const SharesPage& seen, const SharesPage& owners) {
  ASSERT_EQ(seen.shares.size(), owners.shares.size());
  for (size_t i = 0; i < seen.shares.size(); ++i) {
    EXPECT_EQ(seen.shares[i].seq, owners.shares[i].seq);
    EXPECT_EQ(seen.shares[i].user, owners.shares[i].user);
    EXPECT_EQ(seen.shares[i].amount, owners.shares[i].amount);
    EXPECT_EQ(seen.shares[i].opened_at, owners.shares[i].opened_at);
    EXPECT_EQ(seen.shares[i].voucher, owners.shares[i].voucher);
  }
  EXPECT_EQ(seen.luckiest_seq, owners.luckiest_seq);
  EXPECT_EQ(seen.next_seq, owners.next_seq);
}

TEST_F(FinishedPacketCacheTest, AnotherNodeShowsAFinishedPacketAsItsOwnerDoes) {
  const PacketKey packet = finished(1'000, 5);
  expect_same(other.view(packet).value(), at.view(packet).value());
  for (uint32_t seq = 1; seq <= 6; ++seq) {
    expect_same(other.shares(packet, seq, 2).value(), owners_shares(packet, seq, 2));
  }
}

TEST_F(FinishedPacketCacheTest, AnExpiredPacketIsShownWithItsRefund) {
  const PacketKey packet = at.active(exclusive(500, "bob"), "alice");
  at.clock.advance(kPacketTtl);
  EXPECT_EQ(at.refund(), 1U);
  const PacketView owners = at.view(packet).value();
  EXPECT_EQ(owners.refunded_amount, Money(500));
  expect_same(other.view(packet).value(), owners);
}

TEST_F(FinishedPacketCacheTest, AnExclusivePacketIsForSenderAndRecipientAlone) {
  const PacketKey packet = at.active(exclusive(500, "bob"), "alice");
  at.opened(packet, "bob");
  at.view(packet).value();
  for (const char* viewer : {"alice", "bob"}) {
    EXPECT_TRUE(other.view(packet, viewer)) << viewer;
    EXPECT_EQ(other.shares(packet, 1, 10, viewer)->shares.size(), 1U) << viewer;
  }
  for (const char* viewer : {"carol", "alice2", "bo"}) {
    EXPECT_EQ(error_of(other.view(packet, viewer)), ErrorCode::kNotFound) << viewer;
    EXPECT_EQ(error_of(other.shares(packet, 1, 10, viewer)), ErrorCode::kNotFound) << viewer;
  }
}

TEST_F(FinishedPacketCacheTest, APacketOfAGroupIsForItsMembersAndItsSender) {
  SendRequest request = lucky(500, 1);
  request.group = GroupId::trusted("family");
  const Asker bob(user("bob"), std::make_shared<const Groups>(std::vector{request.group}));
  const auto sent =
      ask<PreOrder>([&](auto done) {
        at.ordering.send(at.shard_ids.front(), {user("alice"), bob.groups}, "k", request, std::move(done));
      }).get();
  ASSERT_TRUE(sent);
  ASSERT_TRUE(at.accept(*sent, "p1"));
  const PacketKey packet = sent->order.key;
  at.opened(packet, "alice");
  at.view(packet).value();
  EXPECT_TRUE(other.view(packet, "alice"));
  EXPECT_EQ(error_of(other.view(packet, "bob")), ErrorCode::kNotFound);
  EXPECT_EQ(error_of(other.shares(packet, 1, 10, "bob")), ErrorCode::kNotFound);
  const auto view =
      ask<PacketView>([&](auto done) { other.viewing.view(packet, bob, soon(at.clock), std::move(done)); }).get();
  ASSERT_TRUE(view) << "by the viewer's token, not by another's";
  EXPECT_EQ(view->order.group, request.group);
}

TEST_F(FinishedPacketCacheTest, AnOpenPacketIsForItsOwnerAloneAndItsSeedIsNowhere) {
  const PacketKey packet = at.active(lucky(1'000, 2), "alice");
  at.opened(packet, "a");
  EXPECT_EQ(at.view(packet)->state, PacketState::kActive);
  EXPECT_EQ(error_of(other.view(packet)), ErrorCode::kFenced);
  EXPECT_EQ(error_of(other.shares(packet, 1, 10)), ErrorCode::kFenced);
  at.cache.get(cached(packet), [](auto found) { EXPECT_EQ(found.value(), std::nullopt); });
  at.opened(packet, "b");
  at.view(packet).value();
  EXPECT_EQ(error_of(other.view(packet)), ErrorCode::kFenced) << "it is not looked for all the time";
  at.clock.advance(FinishedPacketCache::kMissTtl);
  EXPECT_EQ(other.view(packet)->state, PacketState::kExhausted);
}

TEST_F(FinishedPacketCacheTest, TheCacheIsAskedOnceAndFilledOnce) {
  const PacketKey packet = finished(1'000, 5);
  for (int i = 0; i < 3; ++i) {
    other.shares(packet, 1, 5).value();
  }
  EXPECT_EQ(other.cache.reads, 1 + 5) << "the packet, and the takers' profiles";
  FaultyCache counted(at.cache);
  FinishedPacketCache owners(counted, at.ids, at.clock, other.registry);
  for (int i = 0; i < 3; ++i) {
    owners.keep(*at.residency.resident(packet));
  }
  EXPECT_EQ(counted.puts, 1);
}

TEST_F(FinishedPacketCacheTest, WhatTheCacheRefusedIsPutAgain) {
  const PacketKey packet = finished(1'000, 5);
  FaultyCache counted(at.cache);
  counted.refuses = true;
  FinishedPacketCache owners(counted, at.ids, at.clock, other.registry);
  owners.keep(*at.residency.resident(packet));
  owners.keep(*at.residency.resident(packet));
  EXPECT_EQ(counted.puts, 1);
  at.clock.advance(FinishedPacketCache::kMissTtl);
  owners.keep(*at.residency.resident(packet));
  EXPECT_EQ(counted.puts, 2);
}

TEST_F(FinishedPacketCacheTest, AWipedDamagedOrDeadCacheLeavesItToTheOwner) {
  const PacketKey first = finished(1'000, 5);
  const PacketKey second = finished(2'000, 3);
  std::string record;
  at.cache.get(cached(first), [&](auto found) { record = found.value().value(); });
  const auto expect_unknown = [&](const std::string& value, const std::string& why) {
    put(cached(second), value);
    OtherNode fresh(at);
    EXPECT_EQ(error_of(fresh.view(second)), ErrorCode::kFenced) << why;
    EXPECT_EQ(at.view(second)->order.total, Money(2'000));
  };
  expect_unknown("", "empty");
  expect_unknown("garbage", "garbage");
  expect_unknown(record, "another packet's");
  record.back() = static_cast<char>(record.back() ^ 1);
  put(cached(first), record);
  EXPECT_EQ(error_of(other.view(first)), ErrorCode::kFenced);
  at.cache.erase({cached(first)}, [](Result<void>) {});
  EXPECT_EQ(error_of(OtherNode(at).view(first)), ErrorCode::kFenced);
  OtherNode cut_off(at);
  cut_off.cache.refuses = true;
  EXPECT_EQ(error_of(cut_off.view(first)), ErrorCode::kFenced);
}

TEST_F(FinishedPacketCacheTest, APacketWithVeryManySharesIsNotKept) {
  const PacketKey large = finished(100'000, FinishedPacket::kSharesMax + 1);
  EXPECT_EQ(error_of(other.view(large)), ErrorCode::kFenced);
  const PacketKey small = finished(100'000, FinishedPacket::kSharesMax);
  EXPECT_EQ(other.view(small)->opened_amount, Money(100'000));
}

TEST_F(FinishedPacketCacheTest, AnOwnerShowsWhatIsNotInMemoryFromTheCaches) {
  const PacketKey packet = finished(1'000, 5);
  const PacketView before = at.view(packet).value();
  at.restart_shards();
  expect_same(at.view(packet).value(), before);
  EXPECT_EQ(at.residency.resident(packet), nullptr) << "it was not loaded for that";
}

}  // namespace
}  // namespace hongbao
