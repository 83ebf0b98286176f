// Packet ids. Lines: a text as a client sends it; a text that gets the tag it would have; a key, and a change of its
// id.
#include "base/check.h"
#include "core/base32.h"
#include "core/packet_id.h"
#include "fuzz/input.h"

using namespace hongbao;

namespace {

const PacketIdCodec kCodec(kFuzzKey128);
const PacketIdCodec kForeignCodec(Key128{'o', 't', 'h', 'e', 'r'});

// One id has one spelling.
void check_text(std::string_view text) {
  if (const auto key = kCodec.parse(text)) {
    CHECK(kCodec.print(*key) == text);
    CHECK(!kForeignCodec.parse(text));
  }
}

// No one could make such a text without the key; the fields behind a right tag are checked all the same.
std::string with_right_tag(std::string_view body) {
  return std::string(body) + "-" + to_base32(siphash64(kFuzzKey128, as_bytes(body)), 8);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzInput input(data, size);
  check_text(input.line());
  check_text(with_right_tag(input.line()));
  const PacketKey key = input.packet();
  const std::string id = kCodec.print(key);
  CHECK(kCodec.parse(id) == key);
  CHECK(!kForeignCodec.parse(id));
  CHECK(!kCodec.parse(with_one_change(id, input)));
  return 0;
}
