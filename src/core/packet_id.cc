#include "core/packet_id.h"

#include <fmt/format.h>

#include "core/base32.h"

namespace hongbao {
namespace {

constexpr size_t kLocalDigits = 9;  // 44 bits and a leading digit of at most 1 bit less than full
constexpr size_t kTagDigits = 8;    // 40 bits
constexpr size_t kDayAt = 5;
constexpr size_t kLocalAt = 12;
constexpr size_t kTagAt = kLocalAt + kLocalDigits + 1;
constexpr size_t kLength = kTagAt + kTagDigits;

// All that stands before the tag.
std::optional<PacketKey> read_key(std::string_view text) {
  if (text.size() != kLength || text[kDayAt - 1] != '-' || text[kLocalAt - 1] != '-' || text[kTagAt - 1] != '-') {
    return std::nullopt;
  }
  const auto shard = parse_shard_id(text.substr(0, kDayAt - 1));
  const auto day = Day::parse_yymmdd(text.substr(kDayAt, 6));
  const auto local = from_base32(text.substr(kLocalAt, kLocalDigits));
  if (!shard || !day || !local || *local >> LocalNo::kBits != 0) {
    return std::nullopt;
  }
  return PacketKey{*shard, *day, LocalNo{*local}};
}

}  // namespace

std::string PacketIdCodec::tag(Day day, std::string_view body) const {
  return to_base32(siphash64(tag_keys_.of_day(day), as_bytes(body)), kTagDigits);
}

std::string PacketIdCodec::print(const PacketKey& key) const {
  std::string id =
      fmt::format("{}-{}-{}", to_text(key.shard), key.day.yymmdd(), to_base32(key.local.value, kLocalDigits));
  return fmt::format("{}-{}", id, tag(key.day, id));
}

bool PacketIdCodec::has_form(std::string_view text) {
  return read_key(text) && from_base32(text.substr(kTagAt));
}

std::optional<PacketKey> PacketIdCodec::parse(std::string_view text) const {
  const auto key = read_key(text);
  if (!key ||
      !equal_constant_time(as_bytes(text.substr(kTagAt)), as_bytes(tag(key->day, text.substr(0, kTagAt - 1))))) {
    return std::nullopt;
  }
  return key;
}

}  // namespace hongbao
