// What handlers see of HTTP: a parsed request, a response, and a reply to send it through.
#pragma once

#include <boost/beast/http/status.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "net/http/request.h"

namespace hongbao {

struct HttpResponse {
  http::status status = http::status::ok;
  std::string body{};
  std::string_view content_type = "application/json";
  std::string headers{};  // more header lines, each ended by \r\n
  bool close = false;     // end the connection behind this response
};

// Whom an answer is owed: a client's connection, or another node. Any thread.
class ReplyTarget {
 public:
  virtual ~ReplyTarget() = default;

  // Takes the caller's share in itself along, because some targets must end on their own thread.
  virtual void answer(std::shared_ptr<ReplyTarget> self, uint64_t request, HttpResponse response) = 0;
  // Without an answer by then the client is told that there is none, by the I/O thread, which waits for nothing, and a
  // later one goes nowhere. Only while the request is handed to its handler.
  virtual void set_late_at(uint64_t /*request*/, SteadyTime /*at*/) {}
  // There is no answer: 500.
  virtual void give_up(std::shared_ptr<ReplyTarget> self, uint64_t request) = 0;
};

// The right to answer one request, once, from any thread. Destroyed without an answer it answers 500, so that no client
// waits for ever.
class Reply {
 public:
  Reply(std::shared_ptr<ReplyTarget> target, uint64_t request);
  Reply(Reply&& other) noexcept;
  Reply& operator=(Reply&& other) noexcept;
  ~Reply();

  void send(HttpResponse response);
  // See ReplyTarget. REQUIRES: not sent.
  void set_late_at(SteadyTime at) { target_->set_late_at(request_, at); }

 private:
  std::shared_ptr<ReplyTarget> target_;
  uint64_t request_ = 0;
};

// Called on an I/O thread; must not block. The request is valid during the call only.
using HttpHandler = std::function<void(const HttpRequest& request, Reply reply)>;

// The answer to a request that could not even be read, whose connection is closed behind it; to one that is late:
// kDeadlineExceeded for what only reads, and kOutcomeUnknown for what may have changed something; and to one that would
// have more bytes wait than there may: kOverloaded.
using HttpErrorPage = std::function<HttpResponse(const Error& error)>;

// About how many bytes the answer to a request will have: counted as owed to the client until it is there. Called on an
// I/O thread; must not block.
using HttpAnswerSize = std::function<int64_t(const HttpRequest& request)>;

// Sees every answer before it is written, late ones and error pages too. Called on an I/O thread; must not block.
using HttpObserver = std::function<void(const HttpResponse& response)>;

// What runs over a server.
struct HttpApp {
  HttpHandler handler;
  HttpErrorPage error_page;
  HttpAnswerSize answer_size = [](const HttpRequest&) { return int64_t{1'024}; };
  HttpObserver observer = [](const HttpResponse&) {};
};

}  // namespace hongbao
