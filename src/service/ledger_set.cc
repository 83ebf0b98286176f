#include "service/ledger_set.h"

#include <algorithm>

namespace hongbao {

LedgerSet::LedgerSet(const Stores& stores, const Ledgers& all, const Clock& clock,
                     const LedgerCommitterOptions& options, prometheus::Registry& registry)
    : everywhere_(all) {
  for (const auto& [id, store] : stores) {
    LedgerCommitterOptions own = options;
    own.place = {id, all};
    ledgers_.push_back(std::make_unique<Ledger>(*store, clock, own, registry));
  }
}

void LedgerSet::start() {
  for (const auto& ledger : ledgers_) {
    ledger->writer.start();
  }
}

void LedgerSet::stop() {
  for (const auto& ledger : ledgers_) {
    ledger->writer.stop();
  }
}

Result<Ledger*> LedgerSet::of(const WalletOwner& owner) const {
  Ledger* const ledger = everywhere_.count(owner.home) > 0 ? find(everywhere_.of(owner.user, owner.home)) : nullptr;
  return ledger != nullptr ? Result<Ledger*>(ledger) : fail(ErrorCode::kUnavailable, "the wallet is in another region");
}

Ledger* LedgerSet::find(LedgerId id) const {
  const auto found = std::ranges::find(ledgers_, id, [](const auto& ledger) { return ledger->id(); });
  return found == ledgers_.end() ? nullptr : found->get();
}

}  // namespace hongbao
