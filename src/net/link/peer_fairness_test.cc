// That one flow, or strangers, cannot keep the link from others: what is too much is refused alone, and a connection
// stays.
#include <fmt/format.h>

#include "net/link/peer_test_nodes.h"

namespace hongbao::peer_fairness_test {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t kGreedy = 7;
constexpr uint64_t kModest = 8;
constexpr size_t kPageBytes = 300'000;
constexpr uint64_t kAskers = 12;

// Heartbeats cross no held valve, and a busy machine holds it for longer than usual.
PeerLimits patient_limits() {
  PeerLimits limits = test_limits();
  limits.silence_max = kPeerPatience;
  return limits;
}

struct Told {
  size_t answered = 0;
  size_t refused = 0;
};

// Of calls each of which must have been answered or refused, and not lost.
Told told_to(std::vector<AskingNode::Answer>& answers) {
  Told told;
  for (auto& answer : answers) {
    const auto result = answer.get();
    EXPECT_TRUE(result || result.error().code == ErrorCode::kOverloaded) << result.error().detail;
    ++(result ? told.answered : told.refused);
  }
  return told;
}

TEST(PeerFairness, AnswersWithoutRoomAreRefusedAloneAndTheConnectionStays) {
  constexpr size_t kPages = 40;
  AnsweringNode node(patient_limits());
  Valve valve(node.address());
  AskingNode asker(patient_limits());
  ASSERT_TRUE(asker.can_reach(valve.address()));
  std::vector<AskingNode::Answer> pages;
  for (size_t i = 0; i < kPages; ++i) {
    pages.push_back(asker.ask(valve.address(), "/held/page", kPeerPatience, kGreedy));
  }
  auto small = asker.ask(valve.address(), "/held/small", kPeerPatience, kModest);
  ASSERT_TRUE(node.wait_for_held(kPages + 1));
  auto replies = node.take_all();
  for (auto& [said, reply] : replies) {
    EXPECT_TRUE(reply.admit(said == "/held/page" ? kGreedy : kModest));
  }
  valve.hold(true);
  for (auto& [said, reply] : replies) {
    if (said == "/held/page") {
      reply.send(std::string(kPageBytes, 'x'), PeerRefusal::kOverloaded);
    }
  }
  replies.find("/held/small")->second.send("small");
  std::this_thread::sleep_for(milliseconds(100));
  valve.hold(false);
  EXPECT_EQ(*small.get(), "small");
  const Told told = told_to(pages);
  EXPECT_GE(told.answered, 3);
  EXPECT_GE(told.refused, 20) << "a flow has a share of what may wait";
  EXPECT_EQ(valve.connections(), 1);
  EXPECT_TRUE(asker.ask(valve.address(), "/echo").get());
}

// Each has so few pages that they all find room.
TEST(PeerFairness, ASmallAnswerOvertakesThePagesOfEverybody) {
  AnsweringNode node(patient_limits());
  Valve valve(node.address());
  AskingNode asker(patient_limits());
  ASSERT_TRUE(asker.can_reach(valve.address()));
  std::atomic<int> pages_told{0};
  std::atomic<int> pages_told_before{-1};
  std::promise<void> all;
  for (uint64_t i = 0; i < kAskers; ++i) {
    asker.pool().call({kAnsweringName, valve.address()}, AskingNode::request("/held/page", kPeerPatience, i + 1),
                      [&](const Result<std::string_view>& answer) {
                        EXPECT_TRUE(answer);
                        if (++pages_told == kAskers) {
                          all.set_value();
                        }
                      });
  }
  asker.pool().call({kAnsweringName, valve.address()}, AskingNode::request("/held/small", kPeerPatience, 99),
                    [&](const Result<std::string_view>& answer) {
                      EXPECT_TRUE(answer);
                      pages_told_before = pages_told.load();
                    });
  ASSERT_TRUE(node.wait_for_held(kAskers + 1));
  valve.hold(true);
  auto replies = node.take_all();
  uint64_t flow = 0;
  for (auto& [said, reply] : replies) {
    if (said == "/held/page") {
      EXPECT_TRUE(reply.admit(++flow));
      reply.send(std::string(kPageBytes, 'x'));
    }
  }
  std::this_thread::sleep_for(milliseconds(50));  // what fits into the sockets is in there
  replies.find("/held/small")->second.send("small");
  valve.hold(false);
  ASSERT_EQ(all.get_future().wait_for(kPeerPatience), std::future_status::ready);
  EXPECT_GE(pages_told_before, 0);
  EXPECT_LE(pages_told_before, kAskers / 2);
}

TEST(PeerFairness, AFlowThatHasEnoughWaitingIsRefusedBeforeAnythingIsDone) {
  AnsweringNode node(patient_limits());
  Valve valve(node.address());
  AskingNode asker(patient_limits());
  ASSERT_TRUE(asker.can_reach(valve.address()));
  std::vector<AskingNode::Answer> pages;
  for (size_t i = 0; i < 40; ++i) {
    pages.push_back(asker.ask(valve.address(), "/held/page", kPeerPatience, kGreedy));
  }
  auto other = asker.ask(valve.address(), "/held/other", kPeerPatience, kModest);
  ASSERT_TRUE(node.wait_for_held(41));
  auto replies = node.take_all();
  PeerReply others = std::move(replies.extract("/held/other").mapped());
  valve.hold(true);
  size_t made = 0;
  for (auto& [said, reply] : replies) {
    if (reply.admit(kGreedy)) {
      ++made;
      reply.send(std::string(kPageBytes, 'x'), PeerRefusal::kOverloaded);
    }
  }
  EXPECT_TRUE(others.admit(kModest));
  others.send("other");
  valve.hold(false);
  EXPECT_EQ(*other.get(), "other");
  EXPECT_LE(made, 20);
  EXPECT_EQ(told_to(pages).answered, made) << "what was admitted fits";
  EXPECT_FALSE(node.server().owes_answers());
}

TEST(PeerFairness, OneFlowCannotTakeAllPlacesOfRequests) {
  PeerLimits limits = test_limits();
  limits.requests_in_flight_max = 20;
  limits.flow_requests_max = 5;
  AnsweringNode node;
  AskingNode asker(limits);
  std::vector<AskingNode::Answer> greedy;
  for (int i = 0; i < 30; ++i) {
    greedy.push_back(asker.ask(node.address(), "/held", kPeerPatience, kGreedy));
  }
  EXPECT_TRUE(asker.ask(node.address(), "/echo", kPeerPatience, kModest).get());
  ASSERT_TRUE(node.wait_for_held(5));
  for (auto& [said, reply] : node.take_all()) {
    reply.send("");
  }
  const Told told = told_to(greedy);
  EXPECT_EQ(told.answered, 5);
  EXPECT_EQ(told.refused, 25);
  EXPECT_TRUE(asker.ask(node.address(), "/echo", kPeerPatience, kGreedy).get()) << "places are given back";
}

TEST(PeerFairness, RequestsThatWaitApartAreWithdrawnToo) {
  PeerLimits limits = patient_limits();
  limits.flow_bytes_max = 64 << 20;
  limits.outgoing_bytes_max = 64 << 20;
  AnsweringNode node(limits);
  Valve valve(node.address());
  AskingNode asker(limits);
  ASSERT_TRUE(asker.can_reach(valve.address()));
  valve.hold(true);
  const std::string large(limits.frame_bytes_max - 1'000, 'x');
  std::vector<AskingNode::Answer> on_their_way;
  for (int i = 0; i < 30; ++i) {
    on_their_way.push_back(asker.ask(valve.address(), "/echo" + large, kPeerPatience, kGreedy));
  }
  EXPECT_EQ(code_of(asker.ask(valve.address(), "/held" + large, milliseconds(50), kGreedy)), ErrorCode::kUnavailable);
  EXPECT_EQ(code_of(asker.ask(valve.address(), "/held/small", milliseconds(50), kGreedy)), ErrorCode::kUnavailable);
  valve.hold(false);
  EXPECT_EQ(told_to(on_their_way).answered, 30);
  EXPECT_TRUE(node.take_all().empty());
}

TEST(PeerFairness, StrangersKeepNoNodeOut) {
  PeerLimits limits = test_limits();
  limits.connect_timeout = kPeerPatience;  // they stay
  limits.handshakes_of_address_max = 1'000;
  AnsweringNode node(limits);
  AskingNode resident;
  ASSERT_TRUE(resident.ask(node.address(), "/echo").get());
  auto held = resident.ask(node.address(), "/held");
  std::vector<int> strangers;
  for (int i = 0; i < 200; ++i) {
    strangers.push_back(connect_to(node.address()));
  }
  AskingNode late;
  EXPECT_TRUE(late.ask(node.address(), "/echo").get());
  node.take("/held").send("still there");
  EXPECT_EQ(*held.get(), "still there");
  for (const int stranger : strangers) {
    ::close(stranger);
  }
}

TEST(PeerFairness, AnAddressBeginsSoManyHandshakesInASecond) {
  constexpr uint32_t kElsewhere = INADDR_LOOPBACK + 1;
  PeerLimits limits = test_limits();
  limits.handshakes_of_address_max = 3;
  AnsweringNode node(limits);
  std::vector<int> strangers;
  const auto closed = [&] {
    return std::ranges::count_if(strangers, [](int socket) {
      char byte = 0;
      return ::recv(socket, &byte, 1, MSG_DONTWAIT) == 0;
    });
  };
  for (int i = 0; i < 20; ++i) {
    strangers.push_back(connect_to(node.address(), kElsewhere));
  }
  AskingNode asker;
  EXPECT_TRUE(asker.ask(node.address(), "/echo").get()) << "another address";
  EXPECT_GE(closed(), 20 - 2 * 3) << "a second may have passed in between";
  std::this_thread::sleep_for(milliseconds(1'100));
  strangers = {connect_to(node.address(), kElsewhere)};
  EXPECT_TRUE(asker.ask(node.address(), "/echo").get());
  EXPECT_EQ(closed(), 0);
}

TEST(PeerFairness, TheOldestStrangersMakeRoomForNewOnes) {
  PeerLimits limits = test_limits();
  limits.connect_timeout = kPeerPatience;
  limits.unproven_max = 8;
  limits.unproven_of_address_max = 2;
  const AnsweringNode node(limits);
  const auto is_closed = [](int socket, int flags) {
    char byte = 0;
    return ::recv(socket, &byte, 1, flags) == 0;
  };
  std::vector<int> strangers;
  for (uint32_t i = 0; i < 3; ++i) {
    strangers.push_back(connect_to(node.address()));
  }
  EXPECT_TRUE(is_closed(strangers[0], 0)) << "one too many of that address";
  for (uint32_t i = 1; i <= 7; ++i) {
    strangers.push_back(connect_to(node.address(), INADDR_LOOPBACK + i));
  }
  EXPECT_TRUE(is_closed(strangers[1], 0)) << "one too many in all";
  for (size_t i = 2; i < strangers.size(); ++i) {
    EXPECT_FALSE(is_closed(strangers[i], MSG_DONTWAIT)) << i;
  }
  for (const int stranger : strangers) {
    ::close(stranger);
  }
}

}  // namespace
}  // namespace hongbao::peer_fairness_test
