// Gives a payment back that its packet does not stand on, because a payment in another ledger came first. Once, however
// often it is asked. Any thread; the callback runs in a ledger writer's step, or inline when it is refused.
#pragma once

#include "core/payment.h"
#include "service/ledger_set.h"

namespace hongbao {

enum class GivenBack : uint8_t {
  kYes,        // the sender has the money, now or since before
  kNoPayment,  // this ledger has no such payment
};

// `payment`: as it was, or would have been, posted in `in`. What came through a channel is credited to the sender's
// wallet first, and then taken out of the escrow, so that after a crash between the two it is repeated. Errors: those
// of LedgerCommitter::post; kAccountFrozen; kUnavailable, the wallet is in another region.
void give_back(const LedgerSet& ledgers, Ledger& in, const Order& order, const Transfer& payment, Timestamp now,
               SteadyTime deadline, Done<GivenBack> done);

}  // namespace hongbao
