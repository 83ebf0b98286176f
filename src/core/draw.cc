#include "core/draw.h"

namespace hongbao {
namespace {

uint64_t load_le64(const uint8_t* bytes) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i) {
    value = value << 8 | bytes[i];
  }
  return value;
}

}  // namespace

Hash256 commitment(const Seed& seed, std::string_view packet_id) {
  std::string data(reinterpret_cast<const char*>(seed.bytes.data()), seed.bytes.size());
  data += packet_id;
  return blake2b(as_bytes(data));
}

DrawWords draw_words(const Seed& seed, uint32_t seq) {
  std::array<uint8_t, 8> message{};
  for (size_t i = 0; i < 4; ++i) {
    message[i] = static_cast<uint8_t>(seq >> (8 * i));
  }
  const Hash256 hash = blake2b_keyed(seed.bytes, message);
  return {load_le64(hash.data()), load_le64(hash.data() + 8)};
}

}  // namespace hongbao
