// What the HTTP server refuses, and that the client hears of it.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <thread>

#include "net/http/test_server.h"

namespace hongbao {
namespace {

using std::chrono::milliseconds;

TEST(HttpLimits, AHeaderThatIsTooLongIsAnsweredWith431) {
  TestServer server;
  TestClient client(server);
  client.send("GET /echo HTTP/1.1\r\nHost: toy\r\nX-Long: " + std::string(20'000, 'x') + "\r\n\r\n");
  const auto response = client.receive();
  EXPECT_EQ(response.status, 431);
  EXPECT_NE(response.head.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(client.at_end());
}

TEST(HttpLimits, AHeaderThatNeverEndsIsAnsweredWith431) {
  TestServer server;
  TestClient client(server);
  client.send("GET /echo HTTP/1.1\r\n");
  for (int i = 0; i < 2'000 && client.send(fmt::format("X-{}: y\r\n", i)); ++i) {
  }
  EXPECT_EQ(client.receive().status, 431);
}

TEST(HttpLimits, ABodyThatSaysItIsTooLongIsAnsweredWith413BeforeItIsSent) {
  TestServer server;
  TestClient client(server);
  client.send("POST /echo HTTP/1.1\r\nHost: toy\r\nContent-Length: 16385\r\n\r\n");
  EXPECT_EQ(client.receive().status, 413);
  client.half_close();
  EXPECT_TRUE(client.at_end());
}

TEST(HttpLimits, AClientThatSendsAFarTooLongBodyFirstStillHears413) {
  TestServer server;
  TestClient client(server);
  client.send("POST /echo HTTP/1.1\r\nHost: toy\r\nContent-Length: 8000000\r\n\r\n");
  EXPECT_TRUE(client.send(std::string(8'000'000, 'x'))) << "the server must not reset what it refused";
  EXPECT_EQ(client.receive().status, 413);
}

TEST(HttpLimits, AChunkedBodyIsBoundedToo) {
  TestServer server;
  TestClient client(server);
  client.send("POST /echo HTTP/1.1\r\nHost: toy\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "1000\r\n" + std::string(0x1000, 'x') + "\r\n";
  for (int i = 0; i < 5; ++i) {
    client.send(chunk);
  }
  EXPECT_EQ(client.receive().status, 413);
}

TEST(HttpLimits, ChunkExtensionsAndTrailersAreBoundedLikeAHeader) {
  for (const char* head : {"1;name=", "0\r\nX-Trailer: "}) {
    TestServer server;
    TestClient client(server);
    client.send("POST /echo HTTP/1.1\r\nHost: toy\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send(head);
    client.send(std::string(100'000, 'x'));
    EXPECT_EQ(client.receive().status, 431) << head;
    EXPECT_EQ(TestClient(server).ask("/echo").status, 200);
  }
}

TEST(HttpLimits, TheLargestBodyAndHeaderAreTaken) {
  TestServer server;
  TestClient client(server);
  const std::string head = "POST /echo HTTP/1.1\r\nHost: toy\r\nContent-Length: 16384\r\nX-Long: ";
  client.send(head + std::string(8'000 - head.size(), 'x') + "\r\n\r\n" + std::string(16'384, 'b'));
  EXPECT_EQ(client.receive().body.size(), 16'384 + std::string("/echo|").size());
}

TEST(HttpLimits, WhatCannotBeReadIsAnsweredAndEndsTheConnection) {
  const std::pair<const char*, int> cases[] = {
      {"hello\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: toy\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"GET / HTTP/2.0\r\n\r\n", 505},
  };
  for (const auto& [request, status] : cases) {
    TestServer server;
    TestClient client(server);
    client.send(request);
    const auto response = client.receive();
    EXPECT_EQ(response.status, status) << request;
    EXPECT_NE(response.head.find("Connection: close\r\n"), std::string::npos);
    client.half_close();
    EXPECT_TRUE(client.at_end());
  }
}

TEST(HttpLimits, ARefusedHeadHasNoBody) {
  TestServer server;
  TestClient client(server);
  client.send("HEAD / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(client.receive(/*has_body=*/false).status, 400);
  client.half_close();
  EXPECT_TRUE(client.at_end());
}

TEST(HttpLimits, ATargetThatIsTooLongIsAnsweredWith414) {
  TestServer server;
  for (const std::string& end : {std::string(" HTTP/1.1\r\nHost: toy\r\n\r\n"), std::string()}) {
    TestClient client(server);
    client.send("GET /echo" + std::string(9'000, 'x') + end);
    EXPECT_EQ(client.receive().status, 414);
  }
  TestClient client(server);
  const std::string longest = "/echo" + std::string(8'000, 'x');
  client.send("GET " + longest + " HTTP/1.1\r\nHost: toy\r\nX-Long: " + std::string(8'000, 'x') + "\r\n\r\n");
  EXPECT_EQ(client.receive().body, longest + "|");
}

TEST(HttpLimits, RequestsBeforeABrokenOneAreAnsweredFirst) {
  TestServer server;
  TestClient client(server);
  client.get("/held");
  client.send("nonsense\r\n\r\n");
  Reply reply = server.take("/held");
  // Longer than a refused client lingers: what it is owed must not be cut off.
  std::this_thread::sleep_for(milliseconds(2'500));
  reply.send({.body = "first"});
  EXPECT_EQ(client.receive().body, "first");
  EXPECT_EQ(client.receive().status, 400);
  client.half_close();
  EXPECT_TRUE(client.at_end());
}

TEST(HttpLimits, ASlowRequestIsAnsweredWith408) {
  TestServer server({.request_timeout = milliseconds(200)});
  TestClient client(server);
  client.send("GET /echo HTTP/1.1\r\nHost:");
  EXPECT_EQ(client.receive().status, 408);
}

TEST(HttpLimits, ADripOfBytesDoesNotExtendTheRequestTimeout) {
  TestServer server({.request_timeout = milliseconds(300)});
  TestClient client(server);
  const auto began = std::chrono::steady_clock::now();
  client.send("GET /echo HTTP/1.1\r\nX-Slow: ");
  for (int i = 0; i < 40; ++i) {
    client.send("x");
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_EQ(client.receive().status, 408);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(3));
}

TEST(HttpLimits, AnIdleConnectionIsEndedWithoutWords) {
  TestServer server({.idle_timeout = milliseconds(200)});
  TestClient client(server);
  EXPECT_EQ(client.ask("/echo").status, 200);
  EXPECT_TRUE(client.at_end());
  TestClient silent(server);
  EXPECT_TRUE(silent.at_end());
}

TEST(HttpLimits, AnEmptyLineBehindARequestIsNotTheBeginningOfAnother) {
  TestServer server({.request_timeout = milliseconds(100), .idle_timeout = milliseconds(600)});
  TestClient client(server);
  client.send("GET /echo HTTP/1.1\r\nHost: toy\r\n\r\n\r\n");
  EXPECT_EQ(client.receive().status, 200);
  std::this_thread::sleep_for(milliseconds(350));
  EXPECT_EQ(client.ask("/echo").status, 200);
}

TEST(HttpLimits, AConnectionThatIsOwedAnAnswerIsNotIdle) {
  TestServer server({.request_timeout = milliseconds(100), .idle_timeout = milliseconds(100)});
  TestClient client(server);
  client.get("/held");
  Reply reply = server.take("/held");
  std::this_thread::sleep_for(milliseconds(500));
  reply.send({.body = "worth the wait"});
  EXPECT_EQ(client.receive().body, "worth the wait");
}

TEST(HttpLimits, ARequestThatNobodyAnswersIsAnsweredInTimeAndItsOwnAnswerGoesNowhere) {
  TestServer server;
  TestClient client(server);
  client.send("POST /held/late HTTP/1.1\r\nHost: toy\r\nContent-Length: 0\r\n\r\n");
  Reply held = server.take("/held/late");
  const auto began = std::chrono::steady_clock::now();
  const auto late = client.receive();
  EXPECT_EQ(late.status, 503);
  EXPECT_NE(late.body.find("outcome_unknown"), std::string::npos) << late.body;
  EXPECT_NE(late.head.find("X-Error-Page: "), std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
  held.send({.body = "too late"});
  EXPECT_EQ(client.ask("/echo").body, "/echo|") << "the connection goes on";
}

TEST(HttpLimits, ReadsThatNobodyAnswersAreToldThatNothingWasDone) {
  TestServer server;
  TestClient client(server);
  const auto late = client.ask("/held/late");
  EXPECT_EQ(late.status, 503);
  EXPECT_NE(late.body.find("deadline_exceeded"), std::string::npos) << late.body;
  server.take("/held/late").send({.body = "too late"});
}

TEST(HttpLimits, WhatIsToldIsObservedAndWhatComesTooLateIsNot) {
  TestServer server;
  TestClient client(server);
  client.ask("/held/late");
  server.take("/held/late").send({.status = http::status::accepted, .body = "too late"});
  client.ask("/echo");
  EXPECT_THAT(server.told(), testing::ElementsAre(http::status::service_unavailable, http::status::ok));
}

// Pipelined: each is told in its turn, and what was answered meanwhile behind them is kept.
TEST(HttpLimits, LateAnswersLeaveInTheOrderOfTheRequests) {
  TestServer server;
  TestClient client(server);
  client.get("/held/late0");
  client.get("/echo1");
  client.get("/held2");
  client.get("/held/late3");
  server.take("/held2").send({.body = "in time"});
  EXPECT_EQ(client.receive().status, 503);
  EXPECT_EQ(client.receive().body, "/echo1|");
  EXPECT_EQ(client.receive().body, "in time");
  EXPECT_EQ(client.receive().status, 503);
  server.take("/held/late3").send({.body = "too late"});
  server.take("/held/late0").send({.body = "too late"});
  EXPECT_EQ(client.ask("/echo4").body, "/echo4|");
}

TEST(HttpLimits, AClientThatDoesNotTakeItsAnswerIsCutOff) {
  TestServer server({.request_timeout = milliseconds(300)});
  TestClient client(server);
  client.get("/big");
  std::this_thread::sleep_for(milliseconds(1'000));
  EXPECT_EQ(client.receive().status, 0);
}

TEST(HttpLimits, ConnectionsBeyondTheLimitAreRefusedUntilOneEnds) {
  TestServer server({.connections_max = 2});
  TestClient first(server);
  auto second = std::make_unique<TestClient>(server);
  first.get("/held1");
  second->get("/held2");
  Reply held_first = server.take("/held1");
  Reply held_second = server.take("/held2");
  EXPECT_TRUE(TestClient(server).at_end());
  held_second.send({});
  second.reset();
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  int status = 0;
  while (status != 200 && std::chrono::steady_clock::now() < give_up) {
    status = TestClient(server).ask("/echo").status;
  }
  EXPECT_EQ(status, 200);
  held_first.send({.body = "still here"});
  EXPECT_EQ(first.receive().body, "still here");
}

TEST(HttpLimits, WhoIsSilentMakesRoomForOthers) {
  TestServer server({.connections_max = 4});
  std::vector<std::unique_ptr<TestClient>> silent;
  for (int i = 0; i < 4; ++i) {
    silent.push_back(std::make_unique<TestClient>(server));
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(TestClient(server).ask("/echo").status, 200);
  }
}

TEST(HttpLimits, OneAddressHasALimitUnlessItIsABalancers) {
  for (const bool is_proxy : {false, true}) {
    const auto here = boost::asio::ip::make_address("127.0.0.1");
    TestServer server({.connections_per_address_max = 1,
                       .proxies = is_proxy ? std::set{here} : std::set<boost::asio::ip::address>()});
    TestClient first(server);
    first.get("/held");
    Reply held = server.take("/held");
    TestClient second(server);
    EXPECT_EQ(second.ask("/echo").status, is_proxy ? 200 : 0);
    held.send({.body = "first"});
    EXPECT_EQ(first.receive().body, "first");
  }
}

TEST(HttpLimits, AConnectionThatSaysNothingEndsSoon) {
  TestServer server({.first_byte_timeout = milliseconds(200)});
  TestClient silent(server);
  TestClient spoke(server);
  EXPECT_EQ(spoke.ask("/echo").status, 200);
  EXPECT_TRUE(silent.at_end());
  std::this_thread::sleep_for(milliseconds(400));
  EXPECT_EQ(spoke.ask("/echo").status, 200) << "between requests it may be silent for longer";
}

// Sixty-four answers of half a megabyte are asked for at once; two fit into what a connection may be owed.
TEST(HttpLimits, WhatAConnectionIsOwedIsBoundedAndTheRestIsAnsweredWhenItIsTaken) {
  TestServer server({.owed_bytes_connection_max = 1'200'000});
  TestClient client(server);
  client.get("/held");
  for (int i = 0; i < 63; ++i) {
    client.get("/half");
  }
  Reply held = server.take("/held");
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_EQ(server.halves(), 2);
  held.send({.body = "first"});
  EXPECT_EQ(client.receive().body, "first");
  for (int i = 0; i < 63; ++i) {
    ASSERT_EQ(client.receive().body.size(), TestServer::kHalf) << i;
  }
  EXPECT_EQ(client.ask("/echo").status, 200);
}

// Other connections of the address have used what it may be owed.
TEST(HttpLimits, OneAnswerTooManyIsRefusedAloneAndTheConnectionGoesOn) {
  TestServer server({.owed_bytes_address_max = 4'000'000}, /*io_threads=*/1);
  std::vector<std::unique_ptr<TestClient>> greedy;
  for (int i = 0; i < 3; ++i) {
    greedy.push_back(std::make_unique<TestClient>(server));
    greedy.back()->get("/held" + std::to_string(i));
    greedy.back()->get("/half");
  }
  std::vector<Reply> held;
  for (int i = 0; i < 3; ++i) {
    held.push_back(server.take("/held" + std::to_string(i)));
  }
  TestClient client(server);
  const auto refused = client.ask("/half");
  EXPECT_EQ(refused.body, "overloaded");
  EXPECT_EQ(refused.head.find("Connection: close"), std::string::npos);
  EXPECT_EQ(client.ask("/echo").status, 200) << "small answers have room";
  for (Reply& reply : held) {
    reply.send({});
  }
  for (const auto& each : greedy) {
    each->receive();
    EXPECT_EQ(each->receive().status, 200);
  }
  EXPECT_EQ(client.ask("/half").body.size(), TestServer::kHalf);
}

}  // namespace
}  // namespace hongbao
