// The requests of a night as the bytes that go out, appended to a connection's buffer. `head` is the end of the request
// line with the headers that are the same for all of a user's requests. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "apps/load/history.h"

namespace hongbao::load {

// " HTTP/1.1", Host and the user's Authorization; `authorization` is a whole header line.
std::string request_head(std::string_view authority, std::string_view authorization);

// `number` makes the idempotency key, and chooses the greeting.
void write_send(std::string& out, std::string_view head, const RunRecord& run, const PacketRecord& packet,
                uint64_t number);
void write_pay(std::string& out, std::string_view head, std::string_view packet_id, std::string_view pay_token);
void write_grab(std::string& out, std::string_view head, std::string_view packet_id);
void write_open(std::string& out, std::string_view head, std::string_view packet_id, std::string_view ticket);
void write_view(std::string& out, std::string_view head, std::string_view packet_id);
void write_view_shares(std::string& out, std::string_view head, std::string_view packet_id);

}  // namespace hongbao::load
