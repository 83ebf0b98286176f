#include "fuzz/input.h"

namespace hongbao {

std::string_view FuzzInput::line() {
  const size_t end = rest_.find('\n');
  const std::string_view line = rest_.substr(0, end);
  rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
  return line;
}

uint64_t FuzzInput::number() {
  uint64_t value = 0;
  for (const char c : line()) {
    if (c < '0' || c > '9') {
      break;
    }
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

UserId FuzzInput::user() {
  return UserId::parse(line()).value_or(UserId::trusted("alice"));
}

PacketKey FuzzInput::packet() {
  constexpr int32_t kYear2000 = 10'957;  // days since 1970
  constexpr uint64_t kDaysOfCentury = 36'525;
  PacketKey key;
  key.shard.region = number_below(2) == 0 ? Region::kSouth : Region::kNorth;
  key.shard.number = static_cast<uint16_t>(number_below(ShardId::kNumberMax + 1));
  key.day.since_epoch = kYear2000 + static_cast<int32_t>(number_below(kDaysOfCentury));
  key.local.value = number_below(1ULL << LocalNo::kBits);
  return key;
}

std::string with_one_change(std::string text, FuzzInput& input) {
  const uint64_t kind = input.number_below(3);
  const size_t at = input.number_below(text.size() + 1);
  const auto byte = static_cast<char>(input.number_below(256));
  if (kind == 0 || at == text.size()) {
    text.insert(at, 1, byte);
  } else if (kind == 1) {
    text.erase(at, 1);
  } else {
    text[at] = static_cast<char>(text[at] != byte ? byte : byte ^ 1);
  }
  return text;
}

}  // namespace hongbao

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  hongbao::init_crypto();
  return 0;
}
