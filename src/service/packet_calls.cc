#include "service/packet_calls.h"

#include <type_traits>

namespace hongbao {
namespace {

ShardId shard_of_call(const SendCall& call) {
  return call.shard;
}
ShardId shard_of_call(const NotifyCall& call) {
  return call.payment.ordered.order.key.shard;
}
template <class Call>
ShardId shard_of_call(const Call& call) {
  return call.packet.shard;
}

// Null of calls whose user's groups don't matter.
Asker* asker_of_call(SendCall& call) {
  return &call.sender;
}
template <class Call>
Asker* asker_of_call(Call& call) {
  if constexpr (requires { call.asker; }) {
    return &call.asker;
  } else {
    return nullptr;
  }
}

const UserId* user_of_call(const SendCall& call) {
  return &call.sender.user;
}
const UserId* user_of_call(const PayCall& call) {
  return &call.user;
}
const UserId* user_of_call(const NotifyCall& /*call*/) {
  return nullptr;
}
template <class Call>
const UserId* user_of_call(const Call& call) {
  return &call.asker.user;
}

}  // namespace

const UserId* user_of(const PacketCall& call) {
  return std::visit([](const auto& what) { return user_of_call(what); }, call.what);
}

void set_asker(PacketCall& call, GroupsRef groups, Region home) {
  if (Asker* asker = std::visit([](auto& what) { return asker_of_call(what); }, call.what); asker != nullptr) {
    asker->groups = std::move(groups);
    asker->home = home;
  }
}

ShardId shard_of(const PacketCall& call) {
  return std::visit([](const auto& what) { return shard_of_call(what); }, call.what);
}

bool only_reads(const PacketCall& call) {
  return std::holds_alternative<ViewCall>(call.what) || std::holds_alternative<SharesCall>(call.what);
}

bool is_payment(const PacketCall& call) {
  return std::holds_alternative<PayCall>(call.what) || std::holds_alternative<NotifyCall>(call.what);
}

bool may_answer(const PacketCall& call, const PacketAnswer& answer) {
  return std::visit(
      [&](const auto& what) {
        return std::holds_alternative<typename std::remove_cvref_t<decltype(what)>::Answer>(answer);
      },
      call.what);
}

void PacketCalls::carry_out(const SendCall& call, SteadyTime /*deadline*/, Done<PreOrder> done) const {
  ordering_.send(call.shard, call.sender, call.idempotency_key, call.request, std::move(done));
}

void PacketCalls::carry_out(const PayCall& call, SteadyTime deadline, Done<PaymentAnswer> done) const {
  ordering_.pay(call.user, call.packet, call.ordered, deadline, then_show(deadline, std::move(done)));
}

void PacketCalls::carry_out(const NotifyCall& call, SteadyTime deadline, Done<PaymentAnswer> done) const {
  ordering_.accept(call.payment, deadline, then_show(deadline, std::move(done)));
}

Done<PaidPacket> PacketCalls::then_show(SteadyTime deadline, Done<PaymentAnswer> done) const {
  return [this, deadline, done = std::move(done)](Result<PaidPacket> paid) mutable {
    if (paid) {
      show(std::move(*paid), deadline, std::move(done));
    } else {
      done(std::unexpected(std::move(paid.error())));
    }
  };
}

void PacketCalls::show(PaidPacket paid, SteadyTime deadline, Done<PaymentAnswer> done) const {
  const PacketKey packet = paid.packet;
  viewing_.show(
      packet, deadline, [this, paid = std::move(paid), done = std::move(done)](Result<PacketView> view) mutable {
        if (view) {
          done(PaymentAnswer{paid.outcome, std::move(*view)});
        } else if (view.error().code == ErrorCode::kNotFound && paid.ordered) {
          done(PaymentAnswer{
              paid.outcome,
              {.id = ids_.print(paid.packet), .order = paid.ordered->order, .greeting = paid.ordered->greeting}});
        } else if (view.error().code == ErrorCode::kFenced) {
          done(std::unexpected(std::move(view.error())));
        } else {  // it was paid, so "not now" would be a lie
          done(fail(ErrorCode::kOutcomeUnknown, "it was paid, and can't be shown now; ask again"));
        }
      });
}

void PacketCalls::carry_out(const GrabCall& call, SteadyTime deadline, Done<GrabAnswer> done) const {
  opening_.grab(call.packet, call.asker, deadline, std::move(done));
}

void PacketCalls::carry_out(const OpenCall& call, SteadyTime deadline, Done<OpenAnswer> done) const {
  opening_.open(call.packet, call.asker, call.ticket, deadline, std::move(done));
}

void PacketCalls::carry_out(const ViewCall& call, SteadyTime deadline, Done<PacketView> done) const {
  viewing_.view(call.packet, call.asker, deadline, std::move(done));
}

void PacketCalls::carry_out(const SharesCall& call, SteadyTime deadline, Done<SharesPage> done) const {
  viewing_.shares(call.packet, call.asker, call.seq, call.shares_max, deadline, std::move(done));
}

void PacketCalls::carry_out(const PacketCall& call, Done<PacketAnswer> done) const {
  std::visit(
      [&](const auto& what) {
        using Answer = typename std::remove_cvref_t<decltype(what)>::Answer;
        carry_out(
            what, call.deadline, Done<Answer>([done = std::move(done)](Result<Answer> answer) mutable {
              done(answer ? Result<PacketAnswer>(std::move(*answer)) : std::unexpected(std::move(answer.error())));
            }));
      },
      call.what);
}

}  // namespace hongbao
