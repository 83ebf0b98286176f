// Calls between two nodes: that each gets its own answer, and what the limits refuse.
#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "net/link/peer_test_nodes.h"

namespace hongbao {
namespace {

using std::chrono::milliseconds;

TEST(PeerLink, ACallIsAnsweredWithWhatTheHandlerSays) {
  AnsweringNode node;
  AskingNode asker;
  const std::string said("/echo/\0\xff", 8);
  const auto answer = asker.ask(node.address(), said).get();
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(*answer, said);
}

TEST(PeerLink, AnswersOutOfOrderFindTheirCalls) {
  AnsweringNode node;
  AskingNode asker;
  auto first = asker.ask(node.address(), "/held/1");
  auto second = asker.ask(node.address(), "/held/2");
  node.take("/held/2").send("two");
  EXPECT_EQ(*second.get(), "two");
  node.take("/held/1").send("one");
  EXPECT_EQ(*first.get(), "one");
}

TEST(PeerLink, ThousandsOfCallsFromManyThreadsAnsweredInAnyOrderAllGetTheirOwn) {
  constexpr size_t kThreads = 4;
  constexpr size_t kCallsOfThread = 1'500;
  AnsweringNode node;
  AskingNode asker;
  std::vector<std::vector<AskingNode::Answer>> answers(kThreads);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < kCallsOfThread; ++i) {
        answers[t].push_back(asker.ask(node.address(), fmt::format("/held/{}/{}", t, i)));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  ASSERT_TRUE(node.wait_for_held(kThreads * kCallsOfThread));

  std::vector<std::pair<std::string, PeerReply>> replies;
  for (auto& [said, reply] : node.take_all()) {
    replies.emplace_back(said, std::move(reply));
  }
  std::shuffle(replies.begin(), replies.end(), std::minstd_rand(7));
  threads.clear();
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = t; i < replies.size(); i += kThreads) {
        replies[i].second.send(replies[i].first);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (size_t t = 0; t < kThreads; ++t) {
    for (size_t i = 0; i < kCallsOfThread; ++i) {
      const auto answer = answers[t][i].get();
      ASSERT_TRUE(answer) << answer.error().detail;
      ASSERT_EQ(*answer, fmt::format("/held/{}/{}", t, i));
    }
  }
}

TEST(PeerLink, CallersThatAskAgainFromTheirCallbackAreAllServed) {
  constexpr int kCallers = 64;
  constexpr int kRounds = 200;
  AnsweringNode node;
  AskingNode asker;
  std::atomic<int> answered{0};
  std::promise<void> all;
  std::function<void(int)> round = [&](int left) {
    asker.pool().call({kAnsweringName, node.address()}, AskingNode::request("/echo"),
                      [&, left](const Result<std::string_view>& answer) {
                        EXPECT_TRUE(answer);
                        if (answered.fetch_add(1) + 1 == kCallers * kRounds) {
                          all.set_value();
                        }
                        if (left > 1 && answer) {
                          round(left - 1);
                        }
                      });
  };
  for (int i = 0; i < kCallers; ++i) {
    round(kRounds);
  }
  EXPECT_EQ(all.get_future().wait_for(kPeerPatience), std::future_status::ready) << answered.load();
}

TEST(PeerLink, MessagesOfAnySizeUpToTheLimitCross) {
  PeerLimits limits = test_limits();
  limits.frame_bytes_max = 300'000;
  AnsweringNode node(limits);
  AskingNode asker(limits);
  std::vector<std::string> said;
  std::vector<AskingNode::Answer> answers;
  for (const size_t bytes : {0U, 1U, 65'000U, 66'000U, 140'000U, 299'000U}) {
    said.push_back("/echo" + std::string(bytes, 'b'));
    answers.push_back(asker.ask(node.address(), said.back()));
  }
  for (size_t i = 0; i < answers.size(); ++i) {
    const auto answer = answers[i].get();
    ASSERT_TRUE(answer) << answer.error().detail;
    EXPECT_EQ(*answer, said[i]);
  }
}

TEST(PeerLink, ARequestBeyondTheLimitIsRefusedAtOnceAndAnAnswerBeyondItIsAnError) {
  PeerLimits limits = test_limits();
  limits.frame_bytes_max = 10'000;
  AnsweringNode node(limits);
  AskingNode asker(limits);
  EXPECT_EQ(code_of(asker.ask(node.address(), "/echo" + std::string(9'991, 'b'))), ErrorCode::kBodyTooLarge);
  EXPECT_TRUE(asker.ask(node.address(), "/echo" + std::string(9'990, 'b')).get());
  node.big_bytes = 10'001;
  EXPECT_EQ(code_of(asker.ask(node.address(), "/big")), ErrorCode::kInternal);
  EXPECT_TRUE(asker.ask(node.address(), "/echo").get()) << "the connection is as good as before";
}

TEST(PeerLink, ACallTooManyIsRefusedAtOnceByItsOwnNode) {
  PeerLimits limits = test_limits();
  limits.requests_in_flight_max = 3;
  AnsweringNode node;
  AskingNode asker(limits);
  std::vector<AskingNode::Answer> held;
  for (int i = 0; i < 3; ++i) {
    held.push_back(asker.ask(node.address(), "/held"));
  }
  auto refused = asker.ask(node.address(), "/echo");
  EXPECT_EQ(refused.wait_for(milliseconds(0)), std::future_status::ready);
  EXPECT_EQ(code_of(std::move(refused)), ErrorCode::kOverloaded);
  ASSERT_TRUE(node.wait_for_held(3));
  for (auto& [said, reply] : node.take_all()) {
    reply.send("");
  }
  for (auto& answer : held) {
    EXPECT_TRUE(answer.get());
  }
  EXPECT_TRUE(asker.ask(node.address(), "/echo").get());
}

TEST(PeerLink, ARequestTooManyIsRefusedAtOnceByTheOtherNode) {
  PeerLimits limits = test_limits();
  limits.requests_in_flight_max = 3;
  AnsweringNode node(limits);
  AskingNode asker;
  std::vector<AskingNode::Answer> held;
  for (int i = 0; i < 3; ++i) {
    held.push_back(asker.ask(node.address(), "/held"));
  }
  ASSERT_TRUE(node.wait_for_held(3));
  EXPECT_EQ(code_of(asker.ask(node.address(), "/echo")), ErrorCode::kOverloaded);
  EXPECT_TRUE(node.server().owes_answers());
  for (auto& [said, reply] : node.take_all()) {
    reply.send("");
  }
  for (auto& answer : held) {
    EXPECT_TRUE(answer.get());
  }
  EXPECT_FALSE(node.server().owes_answers());
  EXPECT_TRUE(asker.ask(node.address(), "/echo").get());
}

TEST(PeerLink, ARequestThatIsNotUnderstoodIsAnError) {
  AnsweringNode node;
  AskingNode asker;
  auto answer = asker.ask(node.address(), "/held");
  node.take("/held").fail();
  EXPECT_EQ(code_of(std::move(answer)), ErrorCode::kInternal);
}

TEST(PeerLink, ADroppedReplyLeavesTheOutcomeUnknown) {
  AnsweringNode node;
  AskingNode asker;
  EXPECT_EQ(code_of(asker.ask(node.address(), "/drop")), ErrorCode::kOutcomeUnknown);
  EXPECT_TRUE(asker.ask(node.address(), "/echo").get());
}

TEST(PeerLink, AConnectionTooManyIsClosed) {
  PeerLimits limits = test_limits();
  limits.connections_max = 1;
  AnsweringNode node(limits);
  AskingNode first;
  AskingNode second;
  EXPECT_TRUE(first.ask(node.address(), "/echo").get());
  EXPECT_EQ(code_of(second.ask(node.address(), "/echo")), ErrorCode::kUnavailable);
  EXPECT_TRUE(first.ask(node.address(), "/echo").get());
}

TEST(PeerPool, ForgetsNodesThatAreNotConnectedAndNoOthers) {
  PeerLimits limits = test_limits();
  limits.peers_max = 2;
  AnsweringNode a;
  AnsweringNode b;
  AnsweringNode c;
  AskingNode asker(limits);
  EXPECT_TRUE(asker.ask(a.address(), "/echo").get());
  EXPECT_TRUE(asker.ask(b.address(), "/echo").get());
  EXPECT_EQ(code_of(asker.ask(c.address(), "/echo")), ErrorCode::kOverloaded);
  a.stop();
  EXPECT_TRUE(asker.can_reach(c.address()));
  EXPECT_EQ(asker.pool().size(), 2);
  EXPECT_TRUE(asker.ask(b.address(), "/echo").get());
}

TEST(PeerPool, WhatIsNoAddressIsUnavailable) {
  AskingNode asker;
  EXPECT_EQ(code_of(asker.ask("nowhere", "/echo")), ErrorCode::kUnavailable);
  EXPECT_EQ(asker.pool().size(), 0);
}

}  // namespace
}  // namespace hongbao
