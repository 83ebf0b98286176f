// What callers were told, and nothing else: the checker's independent source. One thread.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/send_request.h"
#include "shard/share_list.h"

namespace hongbao::sim {

// What one kind of request came to, over all its repeats.
struct Asked {
  bool at_all = false;
  bool in_doubt = false;  // an answer was lost or "unknown": until a later one tells, it may have taken effect
};

struct TakerRecord {
  Asked asked;
  std::optional<Share> share;
};

// Money that a channel has taken and notifies us of, again and again until it is accepted.
struct ChannelPaymentRecord {
  std::string id;
  Asked asked;
  bool accepted = false;
  bool credited = false;  // to the wallet
};

struct PacketRecord {
  UserId sender;
  std::string send_key{};  // the idempotency key
  SendRequest request;
  PacketKey key;
  std::string pay_token;
  Timestamp payable_until;
  Asked wallet_asked;
  bool told_paid = false;      // active, or was
  bool told_returned = false;  // the wallet paid too late and has its money back
  std::deque<ChannelPaymentRecord> channel_payments;
  std::map<UserId, TakerRecord> takers;
};

struct DepositRecord {
  UserId user;
  Money amount;
  std::string key;
  Asked asked;
  bool accepted = false;
};

// References stay good while entries are added.
struct Record {
  std::deque<PacketRecord> packets;
  std::deque<DepositRecord> deposits;
};

}  // namespace hongbao::sim
