#include "core/asker.h"

#include <gtest/gtest.h>

#include "core/packet.h"

namespace hongbao::asker_test {
namespace {

UserId user(const char* name) {
  return UserId::trusted(name);
}
GroupId group(const char* name) {
  return GroupId::trusted(name);
}

Asker in_groups(const char* name, std::vector<GroupId> groups) {
  return {user(name), std::make_shared<const Groups>(std::move(groups))};
}

TEST(Groups, HaveWhatTheyWereMadeOfOnce) {
  const Groups groups({group("b"), group("a"), group("c"), group("a")});
  EXPECT_EQ(groups.size(), 3U);
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_TRUE(groups.has(group(name))) << name;
  }
  for (const char* name : {"A", "aa", "d"}) {
    EXPECT_FALSE(groups.has(group(name))) << name;
  }
}

TEST(Asker, WithoutGroupsIsInNone) {
  const Asker alone = user("alice");
  EXPECT_FALSE(alone.is_in(group("a")));
  EXPECT_TRUE(in_groups("alice", {group("a")}).is_in(group("a")));
}

// Of a packet's group and its recipient both hold; its sender always may.
TEST(MaySee, AsksForGroupAndRecipient) {
  Order order{.sender = user("sender")};
  EXPECT_TRUE(may_see(order, user("anyone")));
  order.group = group("family");
  EXPECT_FALSE(may_see(order, user("anyone")));
  EXPECT_FALSE(may_see(order, in_groups("anyone", {group("friends")})));
  EXPECT_TRUE(may_see(order, in_groups("anyone", {group("family"), group("friends")})));
  EXPECT_TRUE(may_see(order, user("sender")));
  order.recipient = user("bob");
  EXPECT_FALSE(may_see(order, in_groups("anyone", {group("family")})));
  EXPECT_FALSE(may_see(order, user("bob")));
  EXPECT_TRUE(may_see(order, in_groups("bob", {group("family")})));
  EXPECT_TRUE(may_see(order, user("sender")));
}

}  // namespace
}  // namespace hongbao::asker_test
