// HTTP requests over the real session. The input is what a client sends, with four control characters between that
// steer it: 0x1f ends a piece that arrives for itself, 0x1e lets a held request be answered, 0x1d lets time pass, and
// 0x1c sends the piece in front up to a thousand times more, which is how short inputs reach the limits.
#include <algorithm>
#include <optional>

#include "base/check.h"
#include "fuzz/http_toy.h"
#include "fuzz/input.h"

using namespace hongbao;

namespace {

constexpr std::string_view kControls = "\x1f\x1e\x1d\x1c";
constexpr size_t kRepeatsMax = 1'000;
constexpr size_t kRequestRepeatsMax = 20;     // beyond the pipelining limit is enough, and requests take time
constexpr size_t kRepeatedBytesMax = 50'000;  // of one script

struct Response {
  int status = 0;
  bool close = false;
  std::string_view body;
};

std::string_view take_until(std::string_view& text, std::string_view end) {
  const size_t at = text.find(end);
  CHECK(at != std::string_view::npos);
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at + end.size());
  return taken;
}

// Takes one response, as RFC 9112 writes it, off the front of what the client received.
Response take_response(std::string_view& received, bool is_head) {
  Response response;
  std::string_view head = take_until(received, "\r\n\r\n");
  const std::string_view line = head.substr(0, head.find("\r\n"));
  CHECK(line.starts_with("HTTP/1.1 ") && line.size() > 13 && line[12] == ' ');
  response.status = std::stoi(std::string(line.substr(9, 3)));
  head.remove_prefix(std::min(head.size(), line.size() + 2));
  std::optional<size_t> length;
  while (!head.empty()) {
    std::string_view field = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(head.size(), field.size() + 2));
    const std::string_view name = take_until(field, ": ");
    CHECK(!name.empty() && name.find_first_of(" \t\r\n") == std::string_view::npos);
    CHECK(field.find_first_of("\r\n") == std::string_view::npos);
    if (name == "Content-Length") {
      CHECK(!length);
      length = std::stoul(std::string(field));
    }
    response.close |= name == "Connection" && field == "close";
  }
  if (response.status == 100) {
    CHECK(!length);
  } else {
    CHECK(length && (is_head || *length <= received.size()));
    response.body = received.substr(0, is_head ? 0 : *length);
    received.remove_prefix(response.body.size());
  }
  return response;
}

// Every request is answered, in its order; behind the last answer there may be one refusal; nothing follows a response
// that ends the connection. Returns whether there was a refusal.
bool check_responses(const HttpToy& toy) {
  std::string_view received = toy.received();
  size_t answered = 0;
  size_t continued = 0;
  bool refused = false;
  while (!received.empty()) {
    const bool is_answer = answered < toy.requests().size();
    // A refusal is the last answer, and has no body when the refused request was a HEAD.
    const bool is_head = is_answer ? toy.requests()[answered].is_head : received.ends_with("\r\n\r\n");
    const Response response = take_response(received, is_head);
    if (response.status == 100) {
      ++continued;
      continue;
    }
    if (is_answer) {
      CHECK(is_head || response.body == toy.requests()[answered].body);
      ++answered;
    } else {
      CHECK((is_head || response.body == "refused") && response.close && !refused);
      refused = true;
      constexpr int kRefusals[] = {400, 408, 413, 414, 415, 417, 431, 501, 505};
      CHECK(std::ranges::find(kRefusals, response.status) != std::end(kRefusals));
    }
    CHECK(!response.close || received.empty());
  }
  CHECK(answered == toy.requests().size());
  CHECK(continued <= answered + 1);
  return refused;
}

// Plays the script; false when the server did not take all of it. In one piece, nothing happens between the bytes.
bool play(HttpToy& toy, std::string_view script, bool in_one_piece) {
  std::string whole;
  size_t repeatable = kRepeatedBytesMax;
  bool taken = true;
  const auto send = [&](std::string_view piece) {
    if (in_one_piece) {
      whole += piece;
    } else {
      taken = taken && toy.send(piece);
    }
  };
  while (!script.empty()) {
    const std::string_view piece = script.substr(0, script.find_first_of(kControls));
    send(piece);
    script.remove_prefix(piece.size());
    const char control = script.empty() ? '\0' : script.front();
    script.remove_prefix(std::min<size_t>(script.size(), 1));
    if (control == '\x1c') {
      const size_t repeats = piece.contains("\r\n\r\n") ? kRequestRepeatsMax : kRepeatsMax;
      std::string repeated;
      for (size_t i = 0; i < repeats && repeatable >= piece.size(); ++i) {
        repeated += piece;
        repeatable -= piece.size();
      }
      send(repeated);
    } else if (control == '\x1e' && !in_one_piece) {
      toy.answer_one();
    } else if (control == '\x1d' && !in_one_piece) {
      toy.let_time_pass();
    }
  }
  taken = taken && toy.send(whole);
  toy.finish();
  return taken;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static HttpToy toy;
  const std::string_view script(reinterpret_cast<const char*>(data), size);
  toy.connect();
  const bool taken = play(toy, script, false);
  const bool refused = check_responses(toy);
  const auto requests = toy.requests();

  // The same bytes are the same requests, however they arrive. Only whether one is refused may depend on it, for a
  // client that sends on when it was refused may not be read to the end.
  toy.connect();
  const bool taken_whole = play(toy, script, true);
  const bool refused_whole = check_responses(toy);
  if (taken && taken_whole && !script.contains('\x1d')) {
    CHECK(toy.requests().size() == requests.size() ||
          (toy.requests().size() < requests.size() ? refused_whole : refused));
    CHECK(std::equal(requests.begin(), requests.begin() + std::min(requests.size(), toy.requests().size()),
                     toy.requests().begin()));
  }

  // Whatever one client sent, the next is served.
  toy.connect();
  CHECK(toy.send("GET /next HTTP/1.1\r\nHost: toy\r\n\r\n"));
  toy.finish();
  CHECK(!check_responses(toy) && toy.requests().size() == 1 && toy.requests()[0].body == "0 GET /next ");
  return 0;
}
