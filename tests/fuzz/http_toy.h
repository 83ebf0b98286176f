// The real HttpSession over a toy handler, one connection at a time and in one thread: the session's end of a socket
// pair is driven by polling its HttpIo, so that an input does the same in every run, and nothing waits.
//
// "/held…" is answered when the client says so, "/drop" loses its reply, "/close" ends the connection; anything else is
// answered at once. An answer's body names the request: its number, method, target and body.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/problem.h"
#include "net/http/connections.h"
#include "net/http/io.h"

namespace hongbao {

class HttpToy {
 public:
  // What the handler was given, and the body it answers with.
  struct Request {
    std::string body;
    bool is_head = false;

    friend bool operator==(const Request&, const Request&) = default;
  };

  // A new connection; the one before must be finished.
  void connect();
  // False when the server takes no more, as it may when it owes many answers.
  bool send(std::string_view bytes);
  // Answers the request that was held last, if one is.
  void answer_one();
  // Longer than any timeout.
  void let_time_pass();
  // Sends no more, answers what is held, and reads to the end. The session must end with it, and owe nothing.
  void finish();

  [[nodiscard]] const std::vector<Request>& requests() const { return requests_; }
  [[nodiscard]] const std::string& received() const { return received_; }

 private:
  struct Held {
    Reply reply;
    std::string body;
  };

  void handle(const HttpRequest& request, Reply reply);
  void run();
  bool receive();

  HttpConnections connections_{{.all_max = 100, .address_max = 100}};
  const HttpLimits limits_{.connections_max = 100,
                           .connections_per_address_max = 100,
                           .header_bytes_max = 8'192,
                           .body_bytes_max = 16'384,
                           .pipelined_requests_max = 8,
                           .owed_bytes_connection_max = 4'096,
                           .owed_bytes_address_max = 1 << 20,
                           .owed_bytes_max = 1 << 20,
                           .first_byte_timeout = std::chrono::seconds(10),
                           .request_timeout = std::chrono::seconds(10),
                           .idle_timeout = std::chrono::seconds(75)};
  const HttpApp app_{
      .handler = [this](const HttpRequest& request, Reply reply) { handle(request, std::move(reply)); },
      .error_page =
          [](const Error& error) { return HttpResponse{.status = status_of(error.code), .body = "refused"}; }};
  HttpIo io_{limits_, app_};
  std::vector<Request> requests_;
  std::vector<Held> held_;
  std::string received_;
  std::weak_ptr<HttpSession> session_;
  int socket_ = -1;
  bool ended_ = false;  // the server has closed the connection
};

}  // namespace hongbao
