// The transfers that a payment for a packet is made of, in the ledger that it is made in, and those that undo one.
// Pure; any thread.
#pragma once

#include "core/ledger.h"
#include "core/packet.h"

namespace hongbao {

// Out of the sender's wallet, into the escrow or, when that is in another ledger, to what is due there.
Transfer wallet_payment(const Order& order, std::string id, LedgerId wallet, LedgerId escrow, Timestamp now);
// Into the escrow.
Transfer channel_payment(const Order& order, std::string id, AccountId channel, Timestamp now);
// Of a payment through a channel that was not needed: into the sender's wallet.
Transfer channel_credit(const Transfer& payment, const Order& order, Timestamp now);
// The other way round.
Transfer returned(const Transfer& payment, Timestamp now);
// Whether `transfer` undoes `payment`.
bool is_return_of(const Transfer& transfer, const Transfer& payment);

}  // namespace hongbao
