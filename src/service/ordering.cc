#include "service/ordering.h"

#include <fmt/format.h>

#include "base/check.h"
#include "core/rendezvous.h"

namespace hongbao {
namespace {

std::unexpected<Error> pay_token_invalid() {
  return fail(ErrorCode::kPayTokenInvalid, "is not the pay token of this packet", "pay_token");
}

std::unexpected<Error> pay_token_expired(const char* detail) {
  return fail(ErrorCode::kPayTokenExpired, detail, "pay_token");
}

Posting posting_of(const SealedOrder& ordered, Transfer payment) {
  return {.transfer = std::move(payment), .pay_token = ordered.pay_token, .send_key = ordered.order.send_key};
}

// What a posting is told that moved no money, but for what only some postings can be told.
std::unexpected<Error> not_posted(PostOutcome outcome, const char* account) {
  switch (outcome) {
    case PostOutcome::kInsufficient:
      return fail(ErrorCode::kInsufficientFunds, "the wallet holds less than the packet's total amount");
    case PostOutcome::kFrozen:
      return fail(ErrorCode::kAccountFrozen, fmt::format("{} is frozen", account));
    case PostOutcome::kTooMuch:
      return fail(ErrorCode::kOverloaded, "an account can't take more money");
    default:
      return fail(ErrorCode::kInternal, "the ledger's rows are damaged");
  }
}

}  // namespace

Result<ShardId> Ordering::choose(const UserId& sender, std::string_view idempotency_key) const {
  const auto shard = choose_shard(fmt::format("{}/{}", sender.text(), idempotency_key), ownership_.taking_orders());
  return shard ? Result<ShardId>(*shard) : fail(ErrorCode::kUnavailable, "no shard takes orders now");
}

Result<SealedOrder> Ordering::unseal(std::string pay_token) const {
  auto order = pay_tokens_.parse(pay_token);
  if (!order) {
    return pay_token_invalid();
  }
  return SealedOrder{std::move(*order), std::move(pay_token)};
}

void Ordering::send(ShardId shard, const Asker& sender, std::string_view idempotency_key, const SendRequest& request,
                    Done<PreOrder> done) {
  CHECK(check_send_request(request).has_value());
  if (!control_.is_on(Switch::kSends)) {
    done(fail(ErrorCode::kSwitchedOff, "sending is switched off for now"));
    return;
  }
  if (frozen_.contains(sender.user)) {
    done(fail(ErrorCode::kAccountFrozen, "this account is frozen: it sends no packets"));
    return;
  }
  if (!request.group.empty() && !sender.is_in(request.group)) {
    done(fail(ErrorCode::kNotInGroup, "must be a group that the token names", "group_id"));
    return;
  }
  auto order = new_pre_order(shard, sender, idempotency_key, request);
  if (!order) {
    done(std::unexpected(order.error()));
    return;
  }
  pre_orders_.put(idempotency_key, request, std::move(*order), std::move(done));
}

Result<PreOrder> Ordering::new_pre_order(ShardId shard_id, const Asker& sender, std::string_view idempotency_key,
                                         const SendRequest& request) {
  Shard* shard = shards_.find(shard_id);
  if (shard == nullptr) {
    return fail(ErrorCode::kUnavailable, "there is no such shard");
  }
  const Timestamp now = clock_.now();
  const auto key = shard->new_packet_key(now);
  if (!key) {
    return std::unexpected(key.error());
  }
  Order order{.key = *key,
              .sender = sender.user,
              .sender_home = sender.home,
              .recipient = request.recipient,
              .group = request.group,
              .kind = request.kind,
              .rule = request.rule,
              .total = request.total,
              .count = request.count,
              .seed = {},
              .created_at = now,
              .payable_until = now + options_.payable,
              .send_key = send_key_of(sender.user, idempotency_key)};
  random_.fill(order.seed.bytes);
  SealNonce nonce;
  random_.fill(nonce);
  std::string pay_token = pay_tokens_.print(order, nonce);
  return PreOrder{std::move(order), std::move(pay_token), request.greeting};
}

void Ordering::pay(const UserId& user, const PacketKey& packet, const SealedOrder& ordered, SteadyTime deadline,
                   Done<PaidPacket> done) {
  const Order& order = ordered.order;
  if (order.key != packet || shards_.find(packet.shard) == nullptr) {
    done(pay_token_invalid());
    return;
  }
  if (order.sender != user) {
    done(fail(ErrorCode::kForbidden, "only the sender can pay from the wallet"));
    return;
  }
  const auto wallet = ledgers_.of(WalletOwner{order.sender, order.sender_home});
  if (!wallet) {
    done(std::unexpected(wallet.error()));
    return;
  }
  if (clock_.now() > order.payable_until) {
    activate_if_known(order, **wallet, deadline, std::move(done));
    return;
  }
  debit_wallet(ordered, **wallet, deadline, std::move(done));
}

Ordering::Payment Ordering::wallet_payment_of(const Order& order, Ledger& wallet) const {
  return {&wallet, wallet_payment(order, wallet_payment_transfer_id(ids_.print(order.key)), wallet.id(),
                                  ledgers_.of(order.key.shard).id(), clock_.now())};
}

void Ordering::debit_wallet(const SealedOrder& ordered, Ledger& wallet, SteadyTime deadline, Done<PaidPacket> done) {
  const Payment payment = wallet_payment_of(ordered.order, wallet);
  wallet.writer.post(
      posting_of(ordered, payment.transfer), deadline,
      [this, order = ordered.order, payment, deadline, done = std::move(done)](Result<Posted> posted) mutable {
        if (!posted) {
          done(std::unexpected(posted.error()));
          return;
        }
        switch (posted->outcome) {
          case PostOutcome::kAlreadyPaid:
            if (posted->paid != order.key) {
              done(already_sent(*posted->paid));
              return;
            }
            [[fallthrough]];  // through a channel; the wallet was left alone
          case PostOutcome::kPosted:
          case PostOutcome::kDuplicate:
            activate(order, payment, deadline, std::move(done));
            return;
          case PostOutcome::kIdReused:  // this store went back to an older copy, and its clock as well
            done(fail(ErrorCode::kTransferIdReused, "another order was paid under this id: send it again"));
            return;
          default:
            done(not_posted(posted->outcome, "the wallet"));
        }
      });
}

std::unexpected<Error> Ordering::already_sent(const PacketKey& first) const {
  Error error{ErrorCode::kAlreadySent, "another packet was sent with this key and paid: nothing was paid now"};
  error.packet_id = ids_.print(first);
  return std::unexpected(std::move(error));
}

// The order has lapsed; but a payment made in time is still answered as what it was.
void Ordering::activate_if_known(const Order& order, Ledger& wallet, SteadyTime deadline, Done<PaidPacket> done) {
  shards_.find(order.key.shard)
      ->submit(LoadCommand{order.key}, deadline,
               [this, order, &wallet, deadline, done = std::move(done)](Result<ShardAnswer> loaded) mutable {
                 if (!loaded) {
                   done(std::unexpected(loaded.error()));
                 } else if (loaded->outcome == ShardOutcome::kAbsent) {
                   activate_if_paid(order, wallet, deadline, std::move(done));
                 } else {
                   activate(order, wallet_payment_of(order, wallet), deadline, std::move(done));
                 }
               });
}

// A payment whose answer was lost may have moved the money without activating the packet.
void Ordering::activate_if_paid(const Order& order, Ledger& wallet, SteadyTime deadline, Done<PaidPacket> done) {
  const Payment payment = wallet_payment_of(order, wallet);
  wallet.writer.find(payment.transfer.id, [this, order, payment, deadline, done = std::move(done)](auto found) mutable {
    if (!found) {
      done(fail(ErrorCode::kOutcomeUnknown, "the ledger did not say whether it was paid; ask again"));
    } else if (found->has_value()) {
      activate(order, payment, deadline, std::move(done));
    } else {
      done(pay_token_expired("was payable for a limited time, and was not paid: send the packet again"));
    }
  });
}

void Ordering::activate(const Order& order, const Payment& payment, SteadyTime deadline, Done<PaidPacket> done) {
  shards_.find(order.key.shard)
      ->submit(ActivateCommand{order, payment.in->id()}, deadline,
               [this, order, payment, deadline, done = std::move(done)](Result<ShardAnswer> activated) mutable {
                 if (!activated) {  // the money has moved, so "not now" would be a lie: reconciliation may activate
                   done(fail(ErrorCode::kOutcomeUnknown, "it was paid but is not active yet; ask again"));
                   return;
                 }
                 const bool returned = activated->outcome == ShardOutcome::kReturned;
                 const PaidPacket told{order.key, returned ? PaymentOutcome::kCreditedToWallet : PaymentOutcome::kPaid};
                 if (activated->stands_on_another) {
                   return_payment(order, payment, told, deadline, std::move(done));
                   return;
                 }
                 if (!returned) {
                   pre_orders_.keep_greeting(order);
                 }
                 done(told);
               });
}

// A payment in another ledger came first, and the packet stands on that. `told`: what is said of the packet when this
// payment was never made.
void Ordering::return_payment(const Order& order, const Payment& payment, const PaidPacket& told, SteadyTime deadline,
                              Done<PaidPacket> done) {
  give_back(ledgers_, *payment.in, order, payment.transfer, clock_.now(), deadline,
            [told, done = std::move(done)](Result<GivenBack> given) mutable {
              if (!given) {
                done(fail(ErrorCode::kOutcomeUnknown, "it was paid twice, and is not given back yet; ask again"));
              } else {
                done(*given == GivenBack::kYes ? PaidPacket{told.packet, PaymentOutcome::kCreditedToWallet} : told);
              }
            });
}

void Ordering::accept(const ChannelPayment& payment, SteadyTime deadline, Done<PaidPacket> done) {
  const Order& order = payment.ordered.order;
  if (shards_.find(order.key.shard) == nullptr) {
    done(pay_token_invalid());
    return;
  }
  if (payment.amount != order.total) {
    done(fail(ErrorCode::kAmountMismatch, fmt::format("must be the packet's total amount, {}", order.total.fen()),
              "amount"));
    return;
  }
  const Payment made{&ledgers_.of(order.key.shard),
                     channel_payment(order, channel_payment_transfer_id(payment.channel, payment.payment_id),
                                     AccountId::channel(payment.channel), clock_.now())};
  made.in->writer.post(posting_of(payment.ordered, made.transfer), deadline,
                       [this, payment, made, deadline, done = std::move(done)](Result<Posted> posted) mutable {
                         if (!posted) {
                           done(std::unexpected(posted.error()));
                           return;
                         }
                         switch (posted->outcome) {
                           case PostOutcome::kPosted:
                           case PostOutcome::kDuplicate:
                             activate(payment.ordered.order, made, deadline, std::move(done));
                             return;
                           case PostOutcome::kAlreadyPaid:  // by another payment, or another packet of this send
                           case PostOutcome::kIdReused:     // perhaps by this one, repeated after it was credited
                             credit_sender(payment, made.transfer, deadline, std::move(done));
                             return;
                           default:
                             done(not_posted(posted->outcome, "the channel's account"));
                         }
                       });
}

// The packet is paid already, or another of its send, and this money has come all the same: it is the sender's.
void Ordering::credit_sender(const ChannelPayment& payment, const Transfer& made, SteadyTime deadline,
                             Done<PaidPacket> done) {
  const Order& order = payment.ordered.order;
  const auto wallet = ledgers_.of(WalletOwner{order.sender, order.sender_home});
  if (!wallet) {
    done(std::unexpected(wallet.error()));
    return;
  }
  PreOrder ordered{order, payment.ordered.pay_token, std::string(kGreetingDefault)};
  (*wallet)->writer.post({.transfer = channel_credit(made, order, clock_.now())}, deadline,
                         [ordered = std::move(ordered), done = std::move(done)](Result<Posted> posted) mutable {
                           if (!posted) {
                             done(std::unexpected(posted.error()));
                           } else if (*posted == PostOutcome::kPosted || *posted == PostOutcome::kDuplicate) {
                             const PacketKey key = ordered.order.key;
                             done(PaidPacket{key, PaymentOutcome::kCreditedToWallet, std::move(ordered)});
                           } else if (*posted == PostOutcome::kIdReused) {
                             done(fail(ErrorCode::kPaymentIdReused, "was used for another packet", "payment_id"));
                           } else {
                             done(not_posted(posted->outcome, "the sender's wallet"));
                           }
                         });
}

}  // namespace hongbao
