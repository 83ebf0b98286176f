// What callers hear when the other node is missing, a stranger, mute, or goes away; and that it is found again.
#include <fmt/format.h>

#include "net/link/peer_test_nodes.h"

namespace hongbao {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

TEST(PeerFaults, NobodyListensAndTheCallIsUnavailable) {
  AskingNode asker;
  std::string address;
  {
    const AnsweringNode node;
    address = node.address();
  }
  const auto began = steady_clock::now();
  EXPECT_EQ(code_of(asker.ask(address, "/echo")), ErrorCode::kUnavailable);
  auto backing_off = asker.ask(address, "/echo");
  EXPECT_EQ(backing_off.wait_for(milliseconds(0)), std::future_status::ready);
  EXPECT_EQ(code_of(std::move(backing_off)), ErrorCode::kUnavailable);
  EXPECT_LT(steady_clock::now() - began, std::chrono::seconds(2));
}

TEST(PeerFaults, AttemptsThatFailComeEverMoreSlowlyUpToTheLimit) {
  const MuteListener closes_at_once;
  AskingNode asker;
  std::atomic<int> attempts{0};
  std::thread closer([&] {
    while (true) {
      const int socket = ::accept(closes_at_once.socket(), nullptr, nullptr);
      if (socket < 0) {
        return;
      }
      ++attempts;
      ::close(socket);
    }
  });
  const auto until = steady_clock::now() + milliseconds(600);
  while (steady_clock::now() < until) {
    EXPECT_EQ(code_of(asker.ask(closes_at_once.address(), "/echo")), ErrorCode::kUnavailable);
    std::this_thread::sleep_for(milliseconds(1));
  }
  ::shutdown(closes_at_once.socket(), SHUT_RDWR);
  closer.join();
  EXPECT_GE(attempts.load(), 2);
  EXPECT_LE(attempts.load(), 9) << "20, 40, 80, 100, 100, … ms between them";
}

TEST(PeerFaults, ANodeOfAnotherAuthorityIsNotTalkedTo) {
  AnsweringNode node;
  const CertifiedKey others = make_authority("others", kTestLifetime);
  AskingNode stranger(test_limits(), test_identity("asker", others));
  EXPECT_EQ(code_of(stranger.ask(node.address(), "/held")), ErrorCode::kUnavailable);
  EXPECT_TRUE(node.take_all().empty());
  AnsweringNode stranger_node(test_limits(), "127.0.0.1:0", test_identity(kAnsweringName, others));
  AskingNode asker;
  EXPECT_EQ(code_of(asker.ask(stranger_node.address(), "/held")), ErrorCode::kUnavailable);
  EXPECT_TRUE(stranger_node.take_all().empty());
}

// Each takes the other's authority for one of nodes; one of them is not in the domain. Nothing was done, and so it is
// told.
TEST(PeerFaults, ANodeOfAnotherDomainIsRefusedBeforeItsCallsCount) {
  AnsweringNode node;
  const auto own = make_certificate(test_authority(), "asker.north.hongbao", kTestLifetime).value();
  AskingNode asker(test_limits(),
                   {tls_from(test_authority().certificate, own, "asker.north.hongbao").value(), "south.hongbao"});
  EXPECT_EQ(code_of(asker.ask(node.address(), "/held")), ErrorCode::kUnavailable);
  EXPECT_TRUE(node.take_all().empty());
}

TEST(PeerFaults, AnotherNodeAtTheAddressIsNotTakenForTheOneThatIsMeant) {
  AnsweringNode node(test_limits(), "127.0.0.1:0", test_identity("other"));
  AskingNode asker;
  EXPECT_EQ(code_of(asker.ask(node.address(), "/held")), ErrorCode::kUnavailable);
  EXPECT_TRUE(node.take_all().empty());
}

TEST(PeerFaults, CertificatesAreChangedWhileNodesTalk) {
  const CertifiedKey next = make_authority("next", kTestLifetime);
  const std::string both = test_authority().certificate + next.certificate;
  const auto signed_by = [&](const CertifiedKey& authority, const std::string& node) {
    const std::string name = node + ".south.hongbao";
    return tls_from(both, make_certificate(authority, name, kTestLifetime).value(), name).value();
  };
  AnsweringNode node;
  AskingNode asker;
  ASSERT_TRUE(asker.ask(node.address(), "/echo").get());
  node.io().use(signed_by(test_authority(), kAnsweringName));
  asker.io().use(signed_by(test_authority(), "asker"));
  node.io().use(signed_by(next, kAnsweringName));
  EXPECT_TRUE(asker.ask(node.address(), "/echo").get()) << "the connection stands";
  AskingNode late(test_limits(), {signed_by(next, "late"), "south.hongbao"});
  EXPECT_TRUE(late.ask(node.address(), "/echo").get());
}

TEST(PeerFaults, AServerThatIsMuteFromTheStartIsUnavailable) {
  const MuteListener mute;
  AskingNode asker;
  const auto began = steady_clock::now();
  EXPECT_EQ(code_of(asker.ask(mute.address(), "/echo", milliseconds(100))), ErrorCode::kUnavailable) << "its deadline";
  EXPECT_EQ(code_of(asker.ask(mute.address(), "/echo")), ErrorCode::kUnavailable) << "the handshake's";
  EXPECT_LT(steady_clock::now() - began, std::chrono::seconds(5));
}

TEST(PeerFaults, ACallWhoseDeadlineHasPassedIsNotSent) {
  AnsweringNode node;
  AskingNode asker;
  EXPECT_EQ(code_of(asker.ask(node.address(), "/held", milliseconds(-1))), ErrorCode::kUnavailable);
  EXPECT_TRUE(asker.ask(node.address(), "/echo").get());
  EXPECT_TRUE(node.take_all().empty());
}

TEST(PeerFaults, AnAnswerThatComesTooLateIsDropped) {
  AnsweringNode node;
  AskingNode asker;
  EXPECT_EQ(code_of(asker.ask(node.address(), "/held", milliseconds(50))), ErrorCode::kOutcomeUnknown);
  auto next = asker.ask(node.address(), "/held/next");  // gets the row of the call before
  node.take("/held").send("late");
  node.take("/held/next").send("next");
  EXPECT_EQ(*next.get(), "next");
}

TEST(PeerFaults, WhenTheNodeGoesAwayCallsUnderWayAreUnknown) {
  auto node = std::make_unique<AnsweringNode>();
  AskingNode asker;
  std::vector<AskingNode::Answer> answers;
  for (int i = 0; i < 100; ++i) {
    answers.push_back(asker.ask(node->address(), "/held"));
  }
  ASSERT_TRUE(node->wait_for_held(100));
  node->stop();
  for (auto& answer : answers) {
    EXPECT_EQ(code_of(std::move(answer)), ErrorCode::kOutcomeUnknown);
  }
  node->take_all();  // replies after the end of everything go nowhere
}

TEST(PeerFaults, ANodeThatComesBackAtItsAddressIsFoundAgain) {
  auto node = std::make_unique<AnsweringNode>();
  const std::string address = node->address();
  AskingNode asker;
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(asker.can_reach(address));
    node.reset();
    const ErrorCode code = code_of(asker.ask(address, "/echo"));
    EXPECT_TRUE(code == ErrorCode::kUnavailable || code == ErrorCode::kOutcomeUnknown);
    node = std::make_unique<AnsweringNode>(test_limits(), address);
  }
  EXPECT_TRUE(asker.can_reach(address));
}

TEST(PeerFaults, AServerEndsAndThePeerIoGoesOn) {
  PeerIo io(test_identity(kAnsweringName), test_limits());
  AskingNode asker;
  std::string address = "127.0.0.1:0";
  for (int round = 0; round < 3; ++round) {
    PeerServer server(io, [](const PeerRequest&, PeerReply reply) { reply.send(""); });
    address = server.bind(address).value();
    server.start();
    EXPECT_TRUE(asker.can_reach(address));
  }
}

TEST(PeerFaults, WhenItsOwnNodeStopsEveryCallEnds) {
  AnsweringNode node;
  AskingNode asker;
  auto held = asker.ask(node.address(), "/held");
  ASSERT_TRUE(node.wait_for_held(1));
  asker.io().stop();
  EXPECT_EQ(code_of(std::move(held)), ErrorCode::kOutcomeUnknown);
  EXPECT_EQ(code_of(asker.ask(node.address(), "/echo")), ErrorCode::kUnavailable);
  std::this_thread::sleep_for(test_limits().reconnect_after_max);
  EXPECT_EQ(code_of(asker.ask(node.address(), "/echo")), ErrorCode::kUnavailable);
}

TEST(PeerFaults, CallsOfManyThreadsWhileTheirNodeStopsAllEnd) {
  for (int round = 0; round < 20; ++round) {
    AnsweringNode node;
    AskingNode asker;
    std::atomic<int> asked{0};
    std::atomic<int> ended{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 2'000; ++i) {
          ++asked;
          asker.pool().call({kAnsweringName, node.address()}, AskingNode::request("/echo"),
                            [&](const Result<std::string_view>&) { ++ended; });
        }
      });
    }
    std::this_thread::sleep_for(milliseconds(round % 4));
    asker.io().stop();
    for (std::thread& thread : threads) {
      thread.join();
    }
    EXPECT_EQ(ended.load(), asked.load());
  }
}

TEST(PeerFaults, WhatIsToRunLaterIsToldWhenItsNodeStopsBefore) {
  PeerIo io(test_identity(), test_limits());
  std::promise<bool> soon;
  io.run_at(steady_clock::now() + milliseconds(1), [&](bool in_time) { soon.set_value(in_time); });
  EXPECT_TRUE(soon.get_future().get());
  std::vector<bool> told;
  io.run_at(steady_clock::now() + std::chrono::hours(1), [&](bool in_time) { told.push_back(in_time); });
  io.stop();
  io.run_at(steady_clock::now(), [&](bool in_time) { told.push_back(in_time); });
  EXPECT_EQ(told, std::vector<bool>({false, false}));
}

TEST(PeerFaults, DeadlinesFireWhileTheOtherNodeIsStopped) {
  AnsweringNode node;
  Valve valve(node.address());
  AskingNode asker;
  ASSERT_TRUE(asker.can_reach(valve.address()));
  valve.hold(true);
  const auto began = steady_clock::now();
  EXPECT_EQ(code_of(asker.ask(valve.address(), "/echo", milliseconds(100))), ErrorCode::kOutcomeUnknown);
  EXPECT_GE(steady_clock::now() - began, milliseconds(100));
  EXPECT_LT(steady_clock::now() - began, milliseconds(1'500));
  valve.hold(false);
  EXPECT_TRUE(asker.ask(valve.address(), "/echo").get()) << "it woke up in time, and the connection stands";
}

TEST(PeerFaults, SilenceEndsAConnectionAtBothEnds) {
  PeerLimits limits = test_limits();
  limits.heartbeat_every = milliseconds(50);
  limits.silence_max = milliseconds(300);
  AnsweringNode node(limits);
  Valve valve(node.address());
  AskingNode asker(limits);
  ASSERT_TRUE(asker.can_reach(valve.address()));
  auto held = asker.ask(valve.address(), "/held");
  ASSERT_TRUE(node.wait_for_held(1));
  EXPECT_TRUE(held.wait_for(milliseconds(700)) == std::future_status::timeout) << "heartbeats keep an idle connection";
  EXPECT_TRUE(node.server().owes_answers());
  valve.hold(true);
  EXPECT_EQ(code_of(std::move(held)), ErrorCode::kOutcomeUnknown);
  const auto until = steady_clock::now() + kPeerPatience;
  while (node.server().owes_answers() && steady_clock::now() < until) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_FALSE(node.server().owes_answers()) << "its session has ended";
}

// The socket's buffers are full, so what comes next cannot leave.
TEST(PeerFaults, CallsThatCannotLeaveAreUnavailableAndNeverArriveLater) {
  PeerLimits limits = test_limits();
  limits.outgoing_bytes_max = 64 << 20;
  limits.silence_max = kPeerPatience;  // a slow machine holds the valve for longer than usual
  AnsweringNode node(limits);
  Valve valve(node.address());
  AskingNode asker(limits);
  ASSERT_TRUE(asker.can_reach(valve.address()));
  valve.hold(true);
  const std::string large = "/echo" + std::string(limits.frame_bytes_max - 1'000, 'x');
  std::vector<AskingNode::Answer> on_their_way;
  for (int i = 0; i < 30; ++i) {
    on_their_way.push_back(asker.ask(valve.address(), large));
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_EQ(code_of(asker.ask(valve.address(), "/held/withdrawn", milliseconds(50))), ErrorCode::kUnavailable);
  valve.hold(false);
  for (auto& answer : on_their_way) {
    EXPECT_TRUE(answer.get());
  }
  EXPECT_TRUE(asker.ask(valve.address(), "/echo").get());
  EXPECT_TRUE(node.take_all().empty());
}

TEST(PeerFaults, WhatWaitsForASocketIsBounded) {
  PeerLimits limits = test_limits();
  limits.frame_bytes_max = 1 << 20;
  limits.outgoing_bytes_max = (1 << 20) + 1;
  AnsweringNode node(limits);
  Valve valve(node.address());
  AskingNode asker(limits);
  ASSERT_TRUE(asker.can_reach(valve.address()));
  valve.hold(true);
  const std::string large = "/echo" + std::string(limits.frame_bytes_max - 1'000, 'x');
  std::vector<AskingNode::Answer> answers;
  for (int i = 0; i < 30; ++i) {
    answers.push_back(asker.ask(valve.address(), large, milliseconds(1'000)));
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_EQ(code_of(std::move(answers.back())), ErrorCode::kOverloaded);
}

TEST(PeerFaults, AnAlteredByteEndsTheConnectionAndNothingOfItIsDone) {
  AnsweringNode node;
  Valve valve(node.address());
  AskingNode asker;
  ASSERT_TRUE(asker.can_reach(valve.address()));
  valve.alter_next();
  EXPECT_EQ(code_of(asker.ask(valve.address(), "/held/altered")), ErrorCode::kOutcomeUnknown);
  EXPECT_TRUE(node.take_all().empty());
  EXPECT_TRUE(asker.can_reach(valve.address()));
}

TEST(PeerFaults, AStrangerThatSaysNothingIsDisconnected) {
  const AnsweringNode node;
  const int stranger = connect_to(node.address());
  char byte = 0;
  EXPECT_EQ(::recv(stranger, &byte, 1, 0), 0);
  ::close(stranger);
}

}  // namespace
}  // namespace hongbao
