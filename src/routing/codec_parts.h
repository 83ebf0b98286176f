// What calls and answers are made of, to and from their messages. Writers fill an empty message; readers return false
// for what breaks a rule (codec.h). Pure; any thread.
#pragma once

#include <packet_calls.pb.h>

#include "service/packet_calls.h"

namespace hongbao::wire {

namespace pb = routing::v1;

// Enumerators are written as their number and one, so that none is a rule broken.
template <class Enum>
uint32_t number_of(Enum value) {
  return static_cast<uint32_t>(value) + 1;
}
template <class Enum>
bool read_enum(uint32_t number, Enum least, Enum most, Enum& value) {
  value = static_cast<Enum>(number - 1);
  return number >= number_of(least) && number <= number_of(most);
}

bool read_user(const std::string& text, UserId& user);
// Empty: of none.
bool read_group(const std::string& text, GroupId& group);
bool read_time(int64_t unix_ms, Timestamp& at);
// Between nothing and what a packet may hold.
bool read_money(int64_t fen, Money& money);

void write(const PacketKey& key, pb::PacketKey& out);
bool read(const pb::PacketKey& in, PacketKey& key);

void write(const Order& order, pb::Order& out);
bool read(const pb::Order& in, Order& order);

void write(const SealedOrder& ordered, pb::SealedOrder& out);
bool read(const pb::SealedOrder& in, SealedOrder& ordered);

void write(const Profile& profile, pb::Profile& out);
bool read(const pb::Profile& in, ProfileRef& profile);

void write(const Share& share, pb::Share& out);
bool read(const pb::Share& in, Share& share);

void write(const PacketView& view, pb::PacketView& out);
bool read(const pb::PacketView& in, PacketView& view);

}  // namespace hongbao::wire
