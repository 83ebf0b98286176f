#include "api/admin/region_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace hongbao {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr ShardId kFirst{Region::kSouth, 0};
constexpr ShardId kSecond{Region::kSouth, 1};

class RegionViewTest : public testing::Test {
 protected:
  RegionViewTest() {
    facts_.nodes["ann"] = {"127.0.0.1:1", 2s};
    facts_.nodes["bob"] = {"127.0.0.1:2", 2s};
    facts_.engines.push_back({{"mariadb", "orders", "db:1"}, true, now_ - 9s, ""});
    facts_.shards[kFirst] = {{{.epoch = 1, .next_voucher = {11}}, "ann", 2s}, now_ - 500ms, VoucherNo{5}, {}};
    facts_.shards[kSecond] = {{{.epoch = 2, .next_voucher = {1}}, "bob", 2s}, now_, VoucherNo{1}, VoucherNo{1}};
    reports_["ann"] = report(R"({"ready":true,"shards":[{"shard":"s000","state":"serving","commit_pending_ms":3}]})");
    reports_["bob"] = report(R"({"ready":true,"shards":[{"shard":"s000","state":"away","commit_pending_ms":0},
                                                       {"shard":"s001","state":"serving","commit_pending_ms":0}]})");
  }

  static json::object report(std::string_view text) { return json::parse(text).as_object(); }
  json::object view() { return region_view("ann", facts_, reports_, now_); }
  std::vector<std::string> troubles() {
    const json::object all = view();
    EXPECT_EQ(all.at("ok").as_bool(), all.at("troubles").as_array().empty());
    std::vector<std::string> texts;
    for (const json::value& each : all.at("troubles").as_array()) {
      texts.emplace_back(each.as_string());
    }
    return texts;
  }

  const SteadyTime now_ = std::chrono::steady_clock::now();
  RegionFacts facts_;
  NodeReports reports_;
};

TEST_F(RegionViewTest, PutsTogetherWhatOwnersSayAndWhatTheDatabaseKnows) {
  EXPECT_THAT(troubles(), IsEmpty());
  const json::object all = view();
  EXPECT_EQ(json::serialize(all.at("nodes").at(1)),
            R"({"node":"bob","address":"127.0.0.1:2","alive":true,"answers":true,"ready":true,"shards":1})");
  EXPECT_EQ(json::serialize(all.at("shards").at(0)),
            R"({"shard":"s000","owner":"ann","state":"serving","epoch":1,"lease_left_ms":1500,)"
            R"("commit_pending_ms":3,"not_settled":6,"not_listed":null})");
}

TEST_F(RegionViewTest, ACommitThatHangsIsTold) {
  reports_["bob"] = report(R"({"ready":true,"shards":[{"shard":"s001","state":"serving","commit_pending_ms":4000}]})");
  EXPECT_THAT(troubles(), ElementsAre("s001: a commit of bob has been pending for 4000 ms"));
  reports_["bob"] = report(R"({"ready":true,"shards":[{"shard":"s001","state":"recovering","commit_pending_ms":40}]})");
  EXPECT_THAT(troubles(), ElementsAre("s001 is recovering at bob"));
}

TEST_F(RegionViewTest, ANodeThatDiedLeavesShardsWithoutAnOwner) {
  facts_.nodes["bob"].lease_left = -700ms;
  facts_.shards[kSecond].tenure.lease_left = 0ms;
  reports_.erase("bob");
  EXPECT_THAT(troubles(), ElementsAre("bob has been silent since its lease ended 700 ms ago",
                                      "s001 has no owner; its last was bob"));
  EXPECT_EQ(view().at("shards").at(1).at("state"), "no owner");
}

TEST_F(RegionViewTest, ANodeThatLivesAndDoesNotAnswerIsTold) {
  reports_["bob"] = std::nullopt;
  EXPECT_THAT(troubles(), ElementsAre("bob lives and does not answer ann", "s001 is unknown at bob"));
}

TEST_F(RegionViewTest, ANodeThatIsNotReadySaysWhy) {
  reports_["bob"].value()["ready"] = false;
  reports_["bob"].value()["reasons"] = json::array{"it starts", "and so on"};
  EXPECT_THAT(troubles(), ElementsAre("bob is not ready: it starts; and so on"));
}

TEST_F(RegionViewTest, AnEngineThatOneNodeMissesIsTold) {
  reports_["bob"].value()["engines"] = json::array{{{"engine", "redis"},
                                                    {"use", "cache"},
                                                    {"server", "r:1"},
                                                    {"answers", false},
                                                    {"for_ms", 900},
                                                    {"error", "refused"}}};
  EXPECT_THAT(troubles(), ElementsAre("redis (cache) at r:1 has not answered bob for 900 ms: refused"));
}

TEST_F(RegionViewTest, WhatAnotherVersionSaysBreaksNothing) {
  for (const char* text : {"{}", R"({"ready":1,"shards":{},"engines":[1,{"answers":"no"}]})",
                           R"({"shards":[{"shard":7,"state":[],"commit_pending_ms":"x"},null],"reasons":[{}]})"}) {
    reports_["bob"] = report(text);
    EXPECT_THAT(troubles(), testing::Contains(HasSubstr("bob is not ready")));
  }
}

TEST_F(RegionViewTest, TheOneNodeOfAnEmbeddedDeploymentOwnsItsShards) {
  facts_.nodes.clear();
  facts_.shards.erase(kSecond);
  facts_.shards[kFirst].tenure = {{.epoch = 3, .next_voucher = {11}}, "embedded", kLeaseForever};
  reports_.erase("bob");
  EXPECT_THAT(troubles(), IsEmpty());
  EXPECT_EQ(view().at("nodes").at(0).at("shards"), 1);
  EXPECT_TRUE(view().at("shards").at(0).at("lease_left_ms").is_null());
}

}  // namespace
}  // namespace hongbao
