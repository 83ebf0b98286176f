#include "apps/load/request_text.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

namespace hongbao::load {
namespace {

constexpr std::array<std::string_view, 5> kGreetings{"恭喜发财，大吉大利", "新年快乐", "万事如意", "岁岁平安",
                                                     "Happy New Year!"};

void write_json_body(std::string& out, std::string_view body) {
  fmt::format_to(std::back_inserter(out), "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}", body.size(),
                 body);
}

// A body of one member whose text needs no escapes.
void write_member(std::string& out, std::string_view name, std::string_view text) {
  fmt::format_to(std::back_inserter(out),
                 "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n"
                 R"({{"{}":"{}"}})",
                 name.size() + text.size() + std::string_view(R"({"":""})").size(), name, text);
}

}  // namespace

std::string request_head(std::string_view authority, std::string_view authorization) {
  return fmt::format(" HTTP/1.1\r\nHost: {}\r\n{}", authority, authorization);
}

void write_send(std::string& out, std::string_view head, const RunRecord& run, const PacketRecord& packet,
                uint64_t number) {
  std::string body = fmt::format(R"({{"kind":"{}","total_amount":{},"count":{},"greeting":"{}")", to_text(packet.kind),
                                 packet.total.fen(), packet.count, kGreetings.at(number % kGreetings.size()));
  if (packet.kind == PacketKind::kExclusive) {
    fmt::format_to(std::back_inserter(body), R"(,"recipient_id":"{}")", run.user_name(packet.recipient));
  }
  if (packet.kind == PacketKind::kLucky) {
    fmt::format_to(std::back_inserter(body), R"(,"allocation":"{}")", to_text(packet.rule));
  }
  body += '}';
  fmt::format_to(std::back_inserter(out), "POST /v1/packets{}Idempotency-Key: {}-{}\r\n", head, run.run, number);
  write_json_body(out, body);
}

void write_pay(std::string& out, std::string_view head, std::string_view packet_id, std::string_view pay_token) {
  out.append("POST /v1/packets/").append(packet_id).append(":pay").append(head);
  write_member(out, "pay_token", pay_token);
}

void write_grab(std::string& out, std::string_view head, std::string_view packet_id) {
  out.append("POST /v1/packets/").append(packet_id).append(":grab").append(head).append("Content-Length: 0\r\n\r\n");
}

void write_open(std::string& out, std::string_view head, std::string_view packet_id, std::string_view ticket) {
  out.append("POST /v1/packets/").append(packet_id).append(":open").append(head);
  write_member(out, "ticket", ticket);
}

void write_view(std::string& out, std::string_view head, std::string_view packet_id) {
  out.append("GET /v1/packets/").append(packet_id).append(head).append("\r\n");
}

void write_view_shares(std::string& out, std::string_view head, std::string_view packet_id) {
  out.append("GET /v1/packets/").append(packet_id).append("/shares?page_size=20").append(head).append("\r\n");
}

}  // namespace hongbao::load
