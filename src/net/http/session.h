// One connection. Reads what has arrived, parses every whole request in it (pipelining), hands each to the handler, and
// writes the answers in the order of the requests, as many at once as are ready. Answers may come later and from other
// threads; the session keeps their places.
//
// Lives on one HttpIo and is touched by its thread only, but for Reply, which any thread may use.
//
// The connection:
//
//      ┌──────┐   slots or room end  ┌──────┐
//      │ open │ ───────────────────► │ full │
//      │      │ ◄─────────────────── │      │
//      └──────┘ an answer is written └──────┘
//       │    │                           │
//       │    │ end of input ¹,           │ end of input ¹
//       │    │ answers are owed          │
//       │    └────────────┬──────────────┘
//       │                 ▼
//       │            ┌────────┐ all is written ┌───────────┐
//       │            │ ending │ ─────────────► │ lingering │
//       │            └────────┘                └───────────┘
//       │ end of input,   │ all is written, and     │ the client closes its
//       │ nothing owed;   │ the client has closed   │ side, or 2 s
//       │ idle too long   │ its side                │
//       ▼                 ▼                         ▼
//      ┌────────────────────────────────────────────────┐
//      │                     closed                     │
//      └────────────────────────────────────────────────┘
//
//   open       reads and parses. Members: none of the flags below
//   full       pipelined_requests_max slots, or no room for the next answer's bytes: what has arrived waits in the
//   buffer,
//              and in the second case one request in request_. may_take_more() is false
//   ending     nothing more is read; answers are owed. input_ended_, and peer_closed_ if the client closed its side
//   lingering  the sending side is shut; what arrives is dropped, until the client closes or for 2 s. lingering_
//   closed     answers that still come go nowhere. closed_
//   ¹ end of input: the client closed its side; a request that can't be read, or did not arrive in time (its refusal is
//     the last answer); a request or an answer after which the connection is to end.
//   Any state ends in `closed` on an error of the socket, or when the client takes no answer for request_timeout.
//
// An answer's slot:
//
//      empty ──► filled (`wire`) ──► at the front: in output_ ──► written, gone
//        └── late_at has passed: filled with "late"; its own answer is dropped when it comes (answered_late_)
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "net/http/connections.h"
#include "net/http/io.h"
#include "net/http/owed_bytes.h"
#include "net/http/parser.h"

namespace hongbao {

class HttpSession final : public ReplyTarget, public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(HttpIo& io, boost::asio::ip::tcp::socket socket, std::unique_ptr<HttpConnections::Place> place);
  ~HttpSession() override;

  void start();
  // Its place is wanted: it ends now, or behind the answers that it is owed.
  void end_soon();
  void complete(uint64_t request, HttpResponse response);
  void answer(std::shared_ptr<ReplyTarget> self, uint64_t request, HttpResponse response) override;
  void give_up(std::shared_ptr<ReplyTarget> self, uint64_t request) override;
  void set_late_at(uint64_t request, SteadyTime at) override;
  void check_timeouts(std::chrono::steady_clock::time_point now);

 private:
  // The place of an answer. `wire` is empty until it is there.
  struct Slot {
    std::string wire;
    bool keep_alive = true;
    bool has_body = true;  // false for HEAD
    bool is_1_0 = false;   // whose connections end unless the answer says otherwise
    bool only_reads = true;
    int64_t bytes = 0;                       // of `wire`, or what they are expected to be
    SteadyTime late_at = SteadyTime::max();  // then the client is told without it
  };

  void add_slot(Slot slot);
  void read();
  void on_read(const boost::system::error_code& error, size_t bytes);
  void parse();
  bool parse_one();
  void answer_expectation();
  // The request that has arrived: handed on, or refused, or it waits for room. False: it waits.
  bool dispatch();
  void refuse(const Error& error);
  void tell_late(SteadyTime now);
  void flush();
  void write();
  void on_written(const boost::system::error_code& error);
  void set_bytes(Slot& slot, size_t bytes);
  void take_front();
  void gather();
  void print(const HttpResponse& response, const Slot& slot, std::string& out) const;
  void finish();
  void drop_input();
  void close();
  [[nodiscard]] bool may_take_more() const;

  HttpIo& io_;
  boost::asio::ip::tcp::socket socket_;
  const std::unique_ptr<HttpConnections::Place> place_;
  OwedBytes::Account owed_;
  boost::beast::flat_buffer input_;
  std::optional<HttpRequestParser> parser_;  // of the request that is arriving
  HttpRequest request_;                      // what it has read so far
  std::deque<Slot> slots_;
  uint64_t first_slot_ = 0;   // the number of the request that slots_.front() answers
  size_t answered_late_ = 0;  // requests whose own answers may still come, and go nowhere
  std::string output_;
  int64_t being_written_ = 0;          // answers in output_
  bool expectation_answered_ = false;  // of the request that is arriving
  int64_t bytes_being_written_ = 0;    // of owed_
  bool waits_for_room_ = false;        // a whole request is in request_
  bool heard_ = false;                 // a byte has come
  bool reading_ = false;
  bool parsing_ = false;
  bool writing_ = false;
  bool input_ended_ = false;  // nothing more is read: half-closed, refused, or the last request was taken
  bool peer_closed_ = false;  // nothing more can come
  bool lingering_ = false;    // all is written; what still comes is dropped
  bool closed_ = false;
  std::chrono::steady_clock::time_point last_progress_;  // a whole request, or an answer written
  std::optional<std::chrono::steady_clock::time_point> request_began_;
};

}  // namespace hongbao
