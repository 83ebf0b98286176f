// The HTTP server over a real loopback socket: whose turn an answer has, and how a connection begins and ends.
#include "net/http/server.h"

#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "net/http/test_server.h"

namespace hongbao {
namespace {

using std::chrono::milliseconds;

// True as soon as `condition` is, within kPatience.
template <class Condition>
bool eventually(Condition&& condition) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up) {
      return false;
    }
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

TEST(HttpServer, KeepsAConnectionForManyRequests) {
  TestServer server;
  TestClient client(server);
  for (int i = 0; i < 20; ++i) {
    const auto response = client.ask(fmt::format("/echo{}", i));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, fmt::format("/echo{}|", i));
    EXPECT_NE(response.head.find("X-Toy: 1\r\n"), std::string::npos);
    EXPECT_NE(response.head.find("Date: "), std::string::npos);
    EXPECT_EQ(response.head.find("Connection: close"), std::string::npos);
  }
}

TEST(HttpServer, AnswersPipelinedRequestsInTheirOrder) {
  TestServer server;
  TestClient client(server);
  std::string requests;
  for (int i = 0; i < 200; ++i) {
    requests += fmt::format("POST /echo{} HTTP/1.1\r\nHost: toy\r\nContent-Length: 3\r\n\r\n{:03}", i, i);
  }
  ASSERT_TRUE(client.send(requests));
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(client.receive().body, fmt::format("/echo{}|{:03}", i, i));
  }
}

TEST(HttpServer, AnswersThatComeOutOfOrderFromOtherThreadsLeaveInOrder) {
  TestServer server;
  TestClient client(server);
  constexpr int kRequests = 10;
  for (int i = 0; i < kRequests; ++i) {
    client.get(fmt::format("/held{}", i));
  }
  for (int i = kRequests - 1; i >= 0; --i) {
    std::thread([reply = server.take(fmt::format("/held{}", i)), i]() mutable {
      reply.send({.body = std::to_string(i)});
    }).join();
  }
  for (int i = 0; i < kRequests; ++i) {
    EXPECT_EQ(client.receive().body, std::to_string(i));
  }
}

TEST(HttpServer, ManyThreadsAnswerManyConnectionsAtOnce) {
  constexpr int kClients = 8;
  constexpr int kRequests = 40;
  TestServer server({.pipelined_requests_max = kRequests}, 3);
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int c = 0; c < kClients; ++c) {
    clients.push_back(std::make_unique<TestClient>(server));
    for (int i = 0; i < kRequests; ++i) {
      clients.back()->get(fmt::format("/held-{}-{}", c, i));
    }
  }
  // Each thread answers every request of its share, the last ones first, so that all connections are mixed.
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = kRequests - 1; i >= 0; --i) {
        for (int c = t; c < kClients; c += 4) {
          const auto target = fmt::format("/held-{}-{}", c, i);
          server.take(target).send({.body = target});
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (int c = 0; c < kClients; ++c) {
    for (int i = 0; i < kRequests; ++i) {
      EXPECT_EQ(clients[static_cast<size_t>(c)]->receive().body, fmt::format("/held-{}-{}", c, i));
    }
  }
  EXPECT_TRUE(eventually([&] { return !server.server().owes_answers(); }));
}

TEST(HttpServer, TakesNoMoreRequestsThanItMayOweAnswersFor) {
  TestServer server({.pipelined_requests_max = 4});
  TestClient client(server);
  for (int i = 0; i < 12; ++i) {
    client.get(fmt::format("/held{:02}", i));
  }
  Reply fourth = server.take("/held03");
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(server.held(), 3U) << "the fifth must wait";
  fourth.send({.body = "03"});
  for (int i = 0; i < 12; ++i) {
    if (i != 3) {
      server.take(fmt::format("/held{:02}", i)).send({.body = fmt::format("{:02}", i)});
    }
    EXPECT_EQ(client.receive().body, fmt::format("{:02}", i));
  }
}

TEST(HttpServer, WhatCameBehindThePipeliningLimitIsNotMixedWithWhatComesLater) {
  TestServer server({.pipelined_requests_max = 2});
  TestClient client(server);
  std::string requests;
  for (int i = 0; i < 4; ++i) {
    requests += fmt::format("GET /echo{} HTTP/1.1\r\nHost: toy\r\n\r\n", i);
  }
  client.send(requests);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(client.receive().body, fmt::format("/echo{}|", i));
  }
  for (int i = 4; i < 8; ++i) {
    EXPECT_EQ(client.ask(fmt::format("/echo{}", i)).body, fmt::format("/echo{}|", i));
  }
}

TEST(HttpServer, TakesARequestThatArrivesByteByByte) {
  TestServer server;
  TestClient client(server);
  for (const char c : std::string("POST /echo HTTP/1.1\r\nHost: toy\r\nContent-Length: 2\r\n\r\nhi")) {
    ASSERT_TRUE(client.send({&c, 1}));
  }
  EXPECT_EQ(client.receive().body, "/echo|hi");
}

TEST(HttpServer, ATrailerIsNotAHeader) {
  TestServer server;
  TestClient client(server);
  client.send(
      "POST /headers HTTP/1.1\r\nHost: toy\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nAuthorization: "
      "Bearer x\r\n\r\n");
  EXPECT_EQ(client.receive().body, "||ab");
  client.send("POST /headers HTTP/1.1\r\nHost: toy\r\nAuthorization: Bearer x\r\nX-Own:  y \r\n\r\n");
  EXPECT_EQ(client.receive().body, "Bearer x|y|");
}

TEST(HttpServer, TakesTheLastChunkInPieces) {
  TestServer server;
  TestClient client(server);
  client.send("POST /echo HTTP/1.1\r\nHost: toy\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
  for (const char* piece : {"X", ": 1\r\n\r\n"}) {
    std::this_thread::sleep_for(milliseconds(20));  // so that each arrives for itself
    client.send(piece);
  }
  EXPECT_EQ(client.receive().body, "/echo|");
}

TEST(HttpServer, TakesAChunkedBody) {
  TestServer server;
  TestClient client(server);
  client.send("POST /echo HTTP/1.1\r\nHost: toy\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
  client.send("3\r\ncde\r\n0\r\n\r\n");
  EXPECT_EQ(client.receive().body, "/echo|abcde");
  EXPECT_EQ(client.ask("/echo2").body, "/echo2|");
}

TEST(HttpServer, AsksForTheBodyOfAnExpectantClient) {
  TestServer server;
  TestClient client(server);
  client.send("POST /echo HTTP/1.1\r\nHost: toy\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.receive().status, 100);
  client.send("body");
  EXPECT_EQ(client.receive().body, "/echo|body");
}

TEST(HttpServer, AnExpectantClientThatSendsAtOnceGetsOneAnswerMoreAtMost) {
  TestServer server;
  TestClient client(server);
  client.send("POST /echo HTTP/1.1\r\nHost: toy\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody");
  auto response = client.receive();
  if (response.status == 100) {
    response = client.receive();
  }
  EXPECT_EQ(response.body, "/echo|body");
}

TEST(HttpServer, AnEmptyExpectationIsNone) {
  TestServer server;
  TestClient client(server);
  client.send("POST /echo HTTP/1.1\r\nHost: toy\r\nContent-Length: 4\r\nExpect: \r\n\r\n");
  std::this_thread::sleep_for(milliseconds(20));
  client.send("body");
  EXPECT_EQ(client.receive().body, "/echo|body");
}

TEST(HttpServer, EndsAnHttp10ConnectionBehindItsAnswer) {
  TestServer server;
  TestClient client(server);
  client.send("GET /echo HTTP/1.0\r\n\r\n");
  const auto response = client.receive();
  EXPECT_EQ(response.body, "/echo|");
  EXPECT_NE(response.head.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(client.at_end());
}

TEST(HttpServer, KeepsAnHttp10ConnectionWhoseClientAsksForItAndSaysSo) {
  TestServer server;
  TestClient client(server);
  for (int i = 0; i < 2; ++i) {
    client.send("GET /echo HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    EXPECT_NE(client.receive().head.find("Connection: keep-alive\r\n"), std::string::npos);
  }
}

TEST(HttpServer, EndsAConnectionWhenItsClientAsksForIt) {
  TestServer server;
  TestClient client(server);
  client.send("GET /echo HTTP/1.1\r\nHost: toy\r\nConnection: close\r\n\r\n");
  EXPECT_NE(client.receive().head.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(client.at_end());
}

TEST(HttpServer, EndsAConnectionWhenItsHandlerAsksForIt) {
  TestServer server;
  TestClient client(server);
  EXPECT_EQ(client.ask("/close").body, "bye");
  EXPECT_TRUE(client.at_end());
}

TEST(HttpServer, AHalfClosedClientStillGetsItsAnswers) {
  TestServer server;
  TestClient client(server);
  client.get("/held");
  client.get("/echo");
  client.half_close();
  Reply reply = server.take("/held");
  std::this_thread::sleep_for(milliseconds(20));
  reply.send({.body = "late"});
  EXPECT_EQ(client.receive().body, "late");
  EXPECT_EQ(client.receive().body, "/echo|");
  EXPECT_TRUE(client.at_end());
}

TEST(HttpServer, AHalfClosedClientStillGetsAnAnswerThatIsBeingWritten) {
  TestServer server;
  TestClient client(server);
  client.get("/big");
  client.half_close();
  std::this_thread::sleep_for(milliseconds(100));  // the server has filled the socket, and has seen the end
  EXPECT_EQ(client.receive().body.size(), TestServer::kBigBytes);
  EXPECT_TRUE(client.at_end());
}

TEST(HttpServer, ADroppedReplyIsAnsweredWith500) {
  TestServer server;
  TestClient client(server);
  EXPECT_EQ(client.ask("/drop").status, 500);
  EXPECT_EQ(client.ask("/echo").status, 200);
}

TEST(HttpServer, AnAnswerToHeadHasNoBody) {
  TestServer server;
  TestClient client(server);
  client.send("HEAD /echo HTTP/1.1\r\nHost: toy\r\n\r\n");
  EXPECT_EQ(client.receive(/*has_body=*/false).status, 200);
  EXPECT_EQ(client.ask("/echo").body, "/echo|") << "what follows is not taken for its body";
}

TEST(HttpServer, AClientThatLeavesIsOwedNothing) {
  TestServer server;
  Reply first = [&] {
    TestClient client(server);
    client.get("/held1");
    client.get("/held2");
    Reply reply = server.take("/held1");
    server.take("/held2").send({.body = "waits for its turn"});
    return reply;
  }();
  std::this_thread::sleep_for(milliseconds(50));
  first.send({.body = "nobody is there"});
  EXPECT_TRUE(eventually([&] { return !server.server().owes_answers(); }));
  EXPECT_EQ(TestClient(server).ask("/echo").status, 200);
}

TEST(HttpServer, OwesAnAnswerUntilItIsWritten) {
  TestServer server;
  TestClient client(server);
  client.get("/held");
  Reply reply = server.take("/held");
  EXPECT_TRUE(server.server().owes_answers());
  reply.send({});
  client.receive();
  EXPECT_TRUE(eventually([&] { return !server.server().owes_answers(); }));
}

TEST(HttpServer, AStoppedListenerKeepsServingItsConnections) {
  TestServer server;
  TestClient client(server);
  ASSERT_EQ(client.ask("/echo").status, 200);
  server.server().stop_accepting();
  EXPECT_EQ(client.ask("/echo").status, 200);
}

TEST(HttpServer, StoppingEndsConnectionsThatWaitForAnswers) {
  TestServer server;
  TestClient client(server);
  client.get("/held");
  Reply reply = server.take("/held");
  server.server().stop();
  reply.send({.body = "too late"});
}

TEST(HttpServer, AnAddressThatCannotBeListenedAtIsRefused) {
  const auto bind = [](const std::string& listen) {
    HttpServer server({}, 1, {[](const HttpRequest&, Reply) {}, error_page});
    return server.bind(listen);
  };
  TestServer taken;
  for (const std::string& listen :
       {std::string(), std::string("8080"), std::string("localhost:x"), std::string("127.0.0.1:"),
        std::string("127.0.0.1:70000"), std::string("127.0.0.1:1x"), std::string("no address:80"),
        fmt::format("127.0.0.1:{}", taken.port())}) {
    const auto bound = bind(listen);
    ASSERT_FALSE(bound) << listen;
    EXPECT_EQ(bound.error().code, ErrorCode::kConfig);
  }
  EXPECT_TRUE(bind("127.0.0.1:0"));
}

}  // namespace
}  // namespace hongbao
