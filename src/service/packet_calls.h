// What users and payment channels ask about one packet, and what they are told, as plain values: parsed once, where the
// call came in, and carried out at the node that owns the packet's shard. `PacketCalls` carries calls out at this node.
//
// Any thread; callbacks run where those of Ordering, Opening and Viewing do. All that is given outlives it.
#pragma once

#include <string>
#include <variant>

#include "service/opening.h"
#include "service/ordering.h"
#include "service/viewing.h"

namespace hongbao {

inline constexpr size_t kTokenBytesMax = 2'048;  // pay tokens and tickets
inline constexpr size_t kPaymentIdLengthMax = 128;
inline constexpr uint32_t kSharesPageMax = 1'000;

struct PaymentAnswer {
  PaymentOutcome outcome = PaymentOutcome::kPaid;
  PacketView packet;
};

struct SendCall {
  using Answer = PreOrder;
  Asker sender;
  std::string idempotency_key;
  SendRequest request;
  ShardId shard;  // chosen where the call came in (Ordering::choose)
};
struct PayCall {
  using Answer = PaymentAnswer;
  UserId user;
  PacketKey packet;
  SealedOrder ordered;
};
// A payment that its channel has signed.
struct NotifyCall {
  using Answer = PaymentAnswer;
  ChannelPayment payment;
};
struct GrabCall {
  using Answer = GrabAnswer;
  Asker asker;
  PacketKey packet;
};
struct OpenCall {
  using Answer = OpenAnswer;
  Asker asker;
  PacketKey packet;
  std::string ticket;
};
struct ViewCall {
  using Answer = PacketView;
  Asker asker;
  PacketKey packet;
};
struct SharesCall {
  using Answer = SharesPage;
  Asker asker;
  PacketKey packet;
  uint32_t seq = 1;         // of the first share
  uint32_t shares_max = 1;  // at most kSharesPageMax
};

// What proves that a user or a channel has asked for a call, as it came in. A node that is brought a call by another
// believes nobody but the user or the channel.
struct CallProof {
  std::string credential{};  // a user's Authorization header; of a channel, the signature of its notification
  std::string body{};        // the notification; of a user, empty
};

struct PacketCall {
  std::variant<SendCall, PayCall, NotifyCall, GrabCall, OpenCall, ViewCall, SharesCall> what;
  SteadyTime deadline{};
  uint64_t flow = 0;  // whose traffic it is: a hash of the user or channel that asks; 0: of nobody
  CallProof proof{};  // for another node
};
using PacketAnswer = std::variant<PreOrder, PaymentAnswer, GrabAnswer, OpenAnswer, PacketView, SharesPage>;

// Who asks for it; nullptr: a channel, or somebody who is not named.
const UserId* user_of(const PacketCall& call);
// Who asks is in these groups and at home there: what another node says of it counts for nothing, and does not travel.
void set_asker(PacketCall& call, GroupsRef groups, Region home);
// The shard that the call's packet is in, or shall be.
ShardId shard_of(const PacketCall& call);
// Whatever becomes of it, it changes nothing.
bool only_reads(const PacketCall& call);
// It may move money before the shard has its say.
bool is_payment(const PacketCall& call);
// Whether such a call can have such an answer.
bool may_answer(const PacketCall& call, const PacketAnswer& answer);

class PacketCalls {
 public:
  PacketCalls(Ordering& ordering, const Opening& opening, const Viewing& viewing, const PacketIdCodec& ids)
      : ordering_(ordering), opening_(opening), viewing_(viewing), ids_(ids) {}

  // Errors: those of Ordering, Opening and Viewing; kOutcomeUnknown also for what was paid and can't be shown now.
  void carry_out(const SendCall& call, SteadyTime deadline, Done<PreOrder> done) const;
  void carry_out(const PayCall& call, SteadyTime deadline, Done<PaymentAnswer> done) const;
  void carry_out(const NotifyCall& call, SteadyTime deadline, Done<PaymentAnswer> done) const;
  void carry_out(const GrabCall& call, SteadyTime deadline, Done<GrabAnswer> done) const;
  void carry_out(const OpenCall& call, SteadyTime deadline, Done<OpenAnswer> done) const;
  void carry_out(const ViewCall& call, SteadyTime deadline, Done<PacketView> done) const;
  void carry_out(const SharesCall& call, SteadyTime deadline, Done<SharesPage> done) const;

  void carry_out(const PacketCall& call, Done<PacketAnswer> done) const;

 private:
  [[nodiscard]] Done<PaidPacket> then_show(SteadyTime deadline, Done<PaymentAnswer> done) const;
  void show(PaidPacket paid, SteadyTime deadline, Done<PaymentAnswer> done) const;

  Ordering& ordering_;
  const Opening& opening_;
  const Viewing& viewing_;
  const PacketIdCodec& ids_;
};

}  // namespace hongbao
