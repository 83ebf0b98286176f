#include "core/ticket.h"

#include <cstring>

namespace hongbao {
namespace {

constexpr size_t kExpiryBytes = 5;  // seconds since 1970, big-endian: good until the year 36812
constexpr size_t kTicketBytes = kExpiryBytes + std::tuple_size_v<Hash128>;

Hash128 tag_of(const Key128& key, const PacketKey& packet, const UserId& user, int64_t expires_s) {
  // Fixed-width fields first, so that no two inputs share their bytes.
  struct Fields {
    int64_t expires_s;
    uint64_t local;
    int32_t day;
    uint16_t shard;
    uint16_t region;
  };
  static_assert(sizeof(Fields) == 24);
  const Fields fields{expires_s, packet.local.value, packet.day.since_epoch, packet.shard.number,
                      static_cast<uint16_t>(packet.shard.region)};
  std::array<uint8_t, sizeof(Fields) + UserId::kLengthMax> data;
  std::memcpy(data.data(), &fields, sizeof fields);
  std::memcpy(data.data() + sizeof fields, user.text().data(), user.text().size());
  return siphash128(key, Bytes(data.data(), sizeof fields + user.text().size()));
}

}  // namespace

std::string TicketCodec::print(const PacketKey& packet, const UserId& user, Timestamp expires_at) const {
  const int64_t expires_s = expires_at.unix_ms / 1000;
  std::array<uint8_t, kTicketBytes> bytes;
  for (size_t i = 0; i < kExpiryBytes; ++i) {
    bytes[i] = static_cast<uint8_t>(expires_s >> (8 * (kExpiryBytes - 1 - i)));
  }
  const Hash128 hash = tag_of(keys_.newest(), packet, user, expires_s);
  std::copy(hash.begin(), hash.end(), bytes.begin() + kExpiryBytes);
  return to_base64url(bytes);
}

Result<void> TicketCodec::check(std::string_view ticket, const PacketKey& packet, const UserId& user,
                                Timestamp now) const {
  const auto bytes = from_base64url(ticket);
  if (!bytes || bytes->size() != kTicketBytes) {
    return fail(ErrorCode::kTicketInvalid, "is not a ticket: take the one that grab returned", "ticket");
  }
  int64_t expires_s = 0;
  for (size_t i = 0; i < kExpiryBytes; ++i) {
    expires_s = expires_s << 8 | static_cast<uint8_t>((*bytes)[i]);
  }
  const Bytes claimed = as_bytes(std::string_view(*bytes).substr(kExpiryBytes));
  if (!keys_.first_of(
          [&](const Key128& key) { return equal_constant_time(tag_of(key, packet, user, expires_s), claimed); })) {
    return fail(ErrorCode::kTicketInvalid, "was not issued to this user for this packet", "ticket");
  }
  if (now.unix_ms / 1000 > expires_s) {
    return fail(ErrorCode::kTicketExpired, "has expired: grab again", "ticket");
  }
  return {};
}

}  // namespace hongbao
