// JSON bodies, as `POST /v1/packets` reads them. The input is the body.
#include <boost/json.hpp>

#include "api/public/send_request_input.h"
#include "base/check.h"
#include "core/limits.h"
#include "fuzz/input.h"

using namespace hongbao;

namespace {

namespace json = boost::json;

std::string body_of(const SendRequest& request) {
  json::object body{{"kind", to_text(request.kind)},
                    {"total_amount", request.total.fen()},
                    {"count", request.count},
                    {"greeting", request.greeting},
                    {"allocation", to_text(request.rule)}};
  if (!request.recipient.empty()) {
    body["recipient_id"] = request.recipient.text();
  }
  if (!request.group.empty()) {
    body["group_id"] = request.group.text();
  }
  return json::serialize(body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  const auto request = read_send_request(body);
  if (!request) {
    CHECK(!request.error().detail.empty());
    return 0;
  }
  CHECK(check_send_request(*request));
  CHECK(request->greeting.size() <= 4 * kGreetingCharactersMax);
  // Printed and read again it is the same request.
  const auto again = read_send_request(body_of(*request));
  CHECK(again && *again == *request && fingerprint(*again) == fingerprint(*request));
  // A field given twice, even with the same value, or one that this call does not know.
  const size_t brace = body.find('{') + 1;
  for (const std::string_view more : {R"("count":1,)", R"("co\u0075nt":1,)", R"("kind":"lucky",)", R"("counts":1,)"}) {
    CHECK(!read_send_request(std::string(body).insert(brace, more)));
  }
  return 0;
}
