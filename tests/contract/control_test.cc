// The contract of ports/control.h, and what the distributed control promises beyond it.
#include "ports/control.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "adapters/memory/memory_control.h"
#include "adapters/nats/control.h"
#include "contract/engines.h"
#include "support/eventually.h"

namespace hongbao {
namespace {

const TrafficWeights kBoth{{Region::kSouth, 100}, {Region::kNorth, 100}};
const TrafficWeights kAllNorth{{Region::kSouth, 0}, {Region::kNorth, 100}};
constexpr Key256 kKey{7};

std::unique_ptr<NatsControl> nats_control(const std::string& bucket, const Key256& key = kKey) {
  return NatsControl::open({.server = {.url = required_environment("HONGBAO_TEST_NATS")},
                            .bucket = bucket,
                            .replicas = 1,
                            .traffic = kBoth,
                            .keys = key})
      .value();
}

// One that answers: it connects in the background.
std::unique_ptr<NatsControl> connected_control(const std::string& bucket) {
  auto control = nats_control(bucket);
  EXPECT_TRUE(eventually([&] { return control->set(Switch::kDeepLists, true).has_value(); }));
  return control;
}

class ControlContract : public testing::TestWithParam<std::string> {
 protected:
  static std::unique_ptr<Control> make() {
    if (GetParam() == "memory") {
      return std::make_unique<MemoryControl>(kBoth);
    }
    return connected_control(scratch_prefix());
  }
  std::unique_ptr<Control> made_ = make();
  Control& control_ = *made_;
};

INSTANTIATE_TEST_SUITE_P(Adapters, ControlContract, testing::Values("memory", "nats"),
                         [](const auto& tested) { return tested.param; });

TEST_P(ControlContract, EverySwitchIsOnAtFirst) {
  for (int i = 0; i < kSwitches; ++i) {
    EXPECT_TRUE(control_.is_on(static_cast<Switch>(i)));
  }
  EXPECT_EQ(control_.traffic(), kBoth);
}

TEST_P(ControlContract, ASwitchTurnsOffAndOnAlone) {
  ASSERT_TRUE(control_.set(Switch::kOpens, false).has_value());
  for (int i = 0; i < kSwitches; ++i) {
    EXPECT_EQ(control_.is_on(static_cast<Switch>(i)), static_cast<Switch>(i) != Switch::kOpens);
  }
  ASSERT_TRUE(control_.set(Switch::kOpens, true).has_value());
  EXPECT_TRUE(control_.is_on(Switch::kOpens));
}

TEST_P(ControlContract, TrafficIsWhatWasSetLast) {
  ASSERT_TRUE(control_.set_traffic(kAllNorth).has_value());
  EXPECT_EQ(control_.traffic(), kAllNorth);
}

TEST(ControlContractDeathTest, WeightsOutOfRangeStopTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  MemoryControl control{{{Region::kSouth, 100}}};
  EXPECT_DEATH((void)control.set_traffic({{Region::kSouth, 0}, {Region::kNorth, 0}}), "CHECK failed");
  EXPECT_DEATH((void)control.set_traffic({{Region::kSouth, 101}}), "CHECK failed");
  EXPECT_DEATH((void)control.set_traffic({}), "CHECK failed");
}

class NatsControlTest : public testing::Test {
 protected:
  ~NatsControlTest() override { engine("restart", "nats"); }

  // What an operator does with the bucket.
  void with_bucket(const std::function<natsStatus(jsCtx*, kvStore*)>& action) {
    const auto connection = nats::make<natsConnection>([](natsConnection** made) {
      return natsConnection_ConnectTo(made, required_environment("HONGBAO_TEST_NATS").c_str());
    });
    const auto context =
        nats::make<jsCtx>([&](jsCtx** made) { return natsConnection_JetStream(made, connection.get(), nullptr); });
    const auto bucket =
        nats::make<kvStore>([&](kvStore** made) { return js_KeyValue(made, context.get(), bucket_.c_str()); });
    ASSERT_TRUE(bucket != nullptr);
    EXPECT_EQ(action(context.get(), bucket.get()), NATS_OK);
  }
  std::string stored(const std::string& name) {
    std::string text;
    with_bucket([&](jsCtx*, kvStore* bucket) {
      kvEntry* entry = nullptr;
      const natsStatus status = kvStore_Get(&entry, bucket, name.c_str());
      text = status == NATS_OK ? kvEntry_ValueString(entry) : "";
      kvEntry_Destroy(entry);
      return status;
    });
    return text;
  }
  const std::string bucket_ = scratch_prefix();
};

TEST_F(NatsControlTest, EveryNodeSeesWhatOneSets) {
  const auto one = connected_control(bucket_);
  const auto other = connected_control(bucket_);
  ASSERT_TRUE(one->set(Switch::kOpens, false));
  ASSERT_TRUE(one->set_traffic(kAllNorth));
  const auto both = [&] { return !other->is_on(Switch::kOpens) && other->traffic() == kAllNorth; };
  EXPECT_TRUE(eventually(both, std::chrono::seconds(1)));
  const auto late = nats_control(bucket_);
  EXPECT_TRUE(eventually([&] { return !late->is_on(Switch::kOpens) && late->traffic() == kAllNorth; }));
}

TEST_F(NatsControlTest, AfterARestartEveryNodeStillSeesWhatOneSets) {
  const auto one = connected_control(bucket_);
  const auto other = connected_control(bucket_);
  ASSERT_TRUE(one->set(Switch::kGrabs, false));
  ASSERT_TRUE(eventually([&] { return !other->is_on(Switch::kGrabs); }));
  engine("restart", "nats");
  EXPECT_TRUE(eventually([&] { return one->set(Switch::kOpens, false).has_value(); }));
  EXPECT_TRUE(eventually([&] { return !other->is_on(Switch::kOpens); }, std::chrono::seconds(5)));
}

TEST_F(NatsControlTest, WhileTheServerIsAwayEverythingStaysAndSettingSaysSo) {
  const auto control = connected_control(bucket_);
  ASSERT_TRUE(control->set(Switch::kOpens, false));
  engine("kill", "nats");
  EXPECT_TRUE(eventually([&] {
    const auto set = control->set(Switch::kOpens, true);
    return !set && set.error().code == ErrorCode::kUnavailable;
  }));
  EXPECT_FALSE(control->is_on(Switch::kOpens));
  engine("start", "nats");
  EXPECT_TRUE(eventually([&] { return control->set(Switch::kOpens, true).has_value(); }));
  EXPECT_TRUE(control->is_on(Switch::kOpens));
}

TEST_F(NatsControlTest, SettingWaitsOnceForAServerThatIsFrozen) {
  const auto control = connected_control(bucket_);
  engine("freeze", "nats");
  const auto began = std::chrono::steady_clock::now();
  const auto set = control->set(Switch::kOpens, false);
  EXPECT_LT(std::chrono::steady_clock::now() - began, nats::kRequestTimeout + std::chrono::seconds(1));
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(control->is_on(Switch::kOpens));
  engine("thaw", "nats");
  EXPECT_TRUE(eventually([&] { return control->set(Switch::kOpens, false).has_value(); }));
}

TEST_F(NatsControlTest, AServerThatLostEverythingLearnsItFromItsNodes) {
  const auto control = connected_control(bucket_);
  ASSERT_TRUE(control->set(Switch::kOpens, false));
  ASSERT_TRUE(control->set_traffic(kAllNorth));
  engine("wipe", "nats");
  const auto fresh = nats_control(bucket_);
  EXPECT_TRUE(eventually([&] { return !fresh->is_on(Switch::kOpens) && fresh->traffic() == kAllNorth; }));
  EXPECT_FALSE(control->is_on(Switch::kOpens));
}

TEST_F(NatsControlTest, ADeletedBucketIsMadeAgainWithWhatItsNodesKnow) {
  const auto control = connected_control(bucket_);
  ASSERT_TRUE(control->set(Switch::kOpens, false));
  with_bucket([&](jsCtx* context, kvStore*) { return js_DeleteKeyValue(context, bucket_.c_str()); });
  const auto fresh = nats_control(bucket_);
  EXPECT_TRUE(eventually([&] { return !fresh->is_on(Switch::kOpens); }));
  EXPECT_FALSE(control->is_on(Switch::kOpens));
  ASSERT_TRUE(control->set(Switch::kOpens, true)) << "revisions begin anew with the bucket";
  EXPECT_TRUE(control->is_on(Switch::kOpens));
  EXPECT_TRUE(eventually([&] { return fresh->is_on(Switch::kOpens); }));
}

// An operator with the server's own tools, or a stranger.
TEST_F(NatsControlTest, WhatNoNodeWroteGivesWayToWhatNodesKnow) {
  const auto control = connected_control(bucket_);
  ASSERT_TRUE(control->set(Switch::kOpens, false));
  ASSERT_TRUE(control->set(Switch::kGrabs, false));
  ASSERT_TRUE(control->set_traffic(kAllNorth));
  const std::string good = stored("switch.grabs");
  with_bucket([](jsCtx*, kvStore* bucket) { return kvStore_Delete(bucket, "switch.opens"); });
  with_bucket([](jsCtx*, kvStore* bucket) { return kvStore_PutString(nullptr, bucket, "switch.grabs", "on"); });
  with_bucket([](jsCtx*, kvStore* bucket) { return kvStore_PutString(nullptr, bucket, "traffic", "south=100"); });
  with_bucket([](jsCtx*, kvStore* bucket) { return kvStore_PutString(nullptr, bucket, "switch.sends", "off"); });
  with_bucket([](jsCtx*, kvStore* bucket) { return kvStore_PutString(nullptr, bucket, "unknown", "x"); });
  EXPECT_TRUE(eventually([&] { return stored("switch.grabs") == good; }));
  const auto fresh = nats_control(bucket_);
  EXPECT_TRUE(eventually(
      [&] { return !fresh->is_on(Switch::kOpens) && !fresh->is_on(Switch::kGrabs) && fresh->traffic() == kAllNorth; }));
  for (const auto* node : {&control, &fresh}) {
    EXPECT_FALSE((*node)->is_on(Switch::kOpens));
    EXPECT_FALSE((*node)->is_on(Switch::kGrabs));
    EXPECT_TRUE((*node)->is_on(Switch::kSends));
    EXPECT_EQ((*node)->traffic(), kAllNorth);
  }
}

TEST_F(NatsControlTest, AnEntryOfBeforeDoesNotCountAgain) {
  const auto control = connected_control(bucket_);
  ASSERT_TRUE(control->set(Switch::kGrabs, false));
  const std::string before = stored("switch.grabs");
  ASSERT_TRUE(control->set(Switch::kGrabs, true));
  const std::string now = stored("switch.grabs");
  with_bucket(
      [&](jsCtx*, kvStore* bucket) { return kvStore_PutString(nullptr, bucket, "switch.grabs", before.c_str()); });
  EXPECT_TRUE(eventually([&] { return stored("switch.grabs") == now; }));
  EXPECT_TRUE(control->is_on(Switch::kGrabs));
}

TEST_F(NatsControlTest, AnotherSwitchsEntryDoesNotCount) {
  const auto control = connected_control(bucket_);
  ASSERT_TRUE(control->set(Switch::kOpens, false));
  const std::string of_opens = stored("switch.opens");
  with_bucket(
      [&](jsCtx*, kvStore* bucket) { return kvStore_PutString(nullptr, bucket, "switch.grabs", of_opens.c_str()); });
  const auto fresh = nats_control(bucket_);
  EXPECT_TRUE(eventually([&] { return !fresh->is_on(Switch::kOpens); }));
  EXPECT_TRUE(fresh->is_on(Switch::kGrabs));
  EXPECT_TRUE(control->is_on(Switch::kGrabs));
}

TEST_F(NatsControlTest, NodesWithAnotherKeyHearNothingOfEachOther) {
  const auto control = connected_control(bucket_);
  const auto other = nats_control(bucket_, {8});
  ASSERT_TRUE(control->set(Switch::kOpens, false));
  std::this_thread::sleep_for(std::chrono::seconds(1));
  EXPECT_TRUE(other->is_on(Switch::kOpens));
}

TEST_F(NatsControlTest, NodesThatSetAtTheSameTimeAgreeInTheEnd) {
  const auto one = connected_control(bucket_);
  const auto other = connected_control(bucket_);
  const ControlEntryCodec codec(kKey);
  for (int round = 0; round < 20; ++round) {
    {
      std::vector<std::jthread> setters;
      for (int i = 0; i < 4; ++i) {
        setters.emplace_back([&, i] { (void)(i % 2 == 0 ? one : other)->set(Switch::kOpens, i / 2 == 0); });
      }
    }
    const auto last = codec.parse("switch.opens", stored("switch.opens"));
    ASSERT_TRUE(last);
    for (const auto* node : {&one, &other}) {
      ASSERT_TRUE(
          eventually([&] { return (*node)->is_on(Switch::kOpens) == (last->value == "on"); }, std::chrono::seconds(3)));
    }
  }
}

TEST_F(NatsControlTest, AServerThatIsNotThereAtTheStartIsFoundLater) {
  engine("kill", "nats");
  const auto control = nats_control(bucket_);
  EXPECT_TRUE(control->is_on(Switch::kOpens));
  EXPECT_FALSE(control->set(Switch::kOpens, false));
  engine("start", "nats");
  EXPECT_TRUE(eventually([&] { return control->set(Switch::kOpens, false).has_value(); }));
}

TEST(NatsControlOpen, ABadUrlIsAConfigurationError) {
  const auto opened = NatsControl::open({.server = {.url = "127.0.0.1:4222"}, .replicas = 1, .traffic = kBoth});
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kConfig);
  EXPECT_EQ(opened.error().field, "nats.url");
}

}  // namespace
}  // namespace hongbao
