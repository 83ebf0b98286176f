#include "net/http/connections.h"

#include <gtest/gtest.h>

namespace hongbao::connections_test {
namespace {

using Place = std::unique_ptr<HttpConnections::Place>;

boost::asio::ip::address address(const char* text) {
  return boost::asio::ip::make_address(text);
}

class HttpConnectionsTest : public testing::Test {
 protected:
  // A connection from there; null: it was refused. Whoever goes for it is in ended_.
  Place connect(HttpConnections& connections, const char* from) {
    auto admission = connections.admit(address(from));
    if (admission.make_room) {
      admission.make_room();
    }
    of_address_ = admission.is_of_address;
    if (admission.place) {
      connections.set_end(*admission.place, [this, number = ++number_] { ended_.push_back(number); });
    }
    return std::move(admission.place);
  }
  static SteadyTime at(int s) { return SteadyTime(std::chrono::seconds(s)); }

  int number_ = 0;
  std::vector<int> ended_;  // by the order in which they came, from 1
  bool of_address_ = false;
};

TEST_F(HttpConnectionsTest, TheLongestIdleOneGoesWhenAllPlacesAreTaken) {
  HttpConnections connections({.all_max = 3, .address_max = 3});
  const auto first = connect(connections, "192.0.2.1");
  const auto second = connect(connections, "192.0.2.2");
  const auto third = connect(connections, "192.0.2.3");
  first->set_busy();
  second->set_idle(at(20));
  third->set_idle(at(10));
  EXPECT_NE(connect(connections, "192.0.2.4"), nullptr);
  EXPECT_EQ(ended_, std::vector({3}));
  EXPECT_EQ(connections.size(), 2) << "the newcomer has gone, and so has the third";
}

TEST_F(HttpConnectionsTest, NobodyGoesWhoIsOwedAnAnswer) {
  HttpConnections connections({.all_max = 1, .address_max = 1});
  const auto busy = connect(connections, "192.0.2.1");
  EXPECT_EQ(connect(connections, "192.0.2.2"), nullptr);
  EXPECT_FALSE(of_address_);
  EXPECT_TRUE(ended_.empty());
}

TEST_F(HttpConnectionsTest, AnAddressMakesRoomAmongItsOwn) {
  HttpConnections connections({.all_max = 10, .address_max = 2});
  const auto stranger = connect(connections, "192.0.2.9");
  stranger->set_idle(at(1));
  const auto first = connect(connections, "192.0.2.1");
  const auto second = connect(connections, "192.0.2.1");
  EXPECT_EQ(connect(connections, "192.0.2.1"), nullptr);
  EXPECT_TRUE(of_address_);
  second->set_idle(at(2));
  EXPECT_NE(connect(connections, "192.0.2.1"), nullptr);
  EXPECT_EQ(ended_, std::vector({3}));
}

TEST_F(HttpConnectionsTest, WhoeverHasLeftIsAskedOnlyOnceAndCountsNoMore) {
  HttpConnections connections({.all_max = 1, .address_max = 1});
  auto first = connect(connections, "192.0.2.1");
  first->set_idle(at(1));
  const auto second = connect(connections, "192.0.2.2");
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(connect(connections, "192.0.2.3"), nullptr) << "the first is on its way out already";
  first.reset();
  EXPECT_EQ(connections.size(), 1);
  EXPECT_EQ(ended_, std::vector({1}));
}

TEST_F(HttpConnectionsTest, ThoseThatAreAskedToEndAndDoNotAreBounded) {
  HttpConnections connections({.all_max = 1, .address_max = 1});
  std::vector<Place> places;
  while (auto place = connect(connections, "192.0.2.1")) {
    place->set_idle(at(1));
    places.push_back(std::move(place));
    ASSERT_LT(places.size(), 1'000);
  }
  EXPECT_EQ(places.size(), HttpConnections::kLeavingMax + 1);
  places.erase(places.begin());
  EXPECT_NE(connect(connections, "192.0.2.1"), nullptr);
}

TEST_F(HttpConnectionsTest, ABalancerHasNoLimitOfItsOwn) {
  HttpConnections connections({.all_max = 3, .address_max = 1, .proxies = {address("192.0.2.1")}});
  const auto first = connect(connections, "192.0.2.1");
  const auto second = connect(connections, "192.0.2.1");
  EXPECT_NE(second, nullptr);
  EXPECT_NE(connect(connections, "::ffff:192.0.2.1"), nullptr) << "the same host, at a socket for both";
  EXPECT_TRUE(ended_.empty());
}

TEST_F(HttpConnectionsTest, AnIpv6NetworkIsOneClient) {
  HttpConnections connections({.all_max = 3, .address_max = 1});
  const auto first = connect(connections, "2001:db8::1");
  EXPECT_EQ(connect(connections, "2001:db8::ffff:1"), nullptr);
  EXPECT_NE(connect(connections, "2001:db8:0:1::1"), nullptr);
}

}  // namespace
}  // namespace hongbao::connections_test
