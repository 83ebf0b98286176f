// Calls and answers between nodes. The first byte of the input says what the rest is: 'c' a call, 'a' an answer. What
// one node understands, it says so that another understands the same; and what is understood breaks no rule.
#include "base/check.h"
#include "fuzz/input.h"
#include "routing/codec.h"

using namespace hongbao;

namespace {

void check_call(std::string_view bytes) {
  const auto call = decode_call(bytes, SteadyTime());
  if (!call) {
    return;
  }
  std::string said;
  encode(*call, said);
  const auto understood = decode_call(said, SteadyTime());
  CHECK(understood && understood->what.index() == call->what.index());
  std::string again;
  encode(*understood, again);
  CHECK(said == again && shard_of(*call) == shard_of(*understood));
  if (const auto* send = std::get_if<SendCall>(&call->what)) {
    CHECK(check_send_request(send->request));
  }
}

void check_answer(std::string_view bytes) {
  const auto answer = decode_answer(bytes);
  if (!answer) {
    return;
  }
  std::string said;
  encode(*answer, said);
  const auto understood = decode_answer(said);
  CHECK(understood && understood->has_value() == answer->has_value());
  std::string again;
  encode(*understood, again);
  CHECK(said == again);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'c') {
    check_call(rest);
  } else if (data[0] == 'a') {
    check_answer(rest);
  }
  return 0;
}
