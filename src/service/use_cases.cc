#include "service/use_cases.h"

namespace hongbao {
namespace {

// For what is of use to other processes only.
template <class Cached>
std::unique_ptr<Cached> make_if_shared(const Ports& ports, const Codecs& codecs, const ProcessParts& process) {
  return ports.shared_cache == nullptr
             ? nullptr
             : std::make_unique<Cached>(*ports.shared_cache, codecs.ids, process.cache_clock, process.registry);
}

std::vector<std::unique_ptr<Settler>> make_settlers(const LedgerSet& ledgers, const Ports& ports,
                                                    const Ownership& ownership, size_t batch_vouchers_max,
                                                    prometheus::Registry& registry) {
  std::vector<std::unique_ptr<Settler>> settlers;
  for (const auto& ledger : ledgers.all()) {
    settlers.push_back(std::make_unique<Settler>(ports.orders, ports.stream, *ledger, ports.control, ownership,
                                                 batch_vouchers_max, registry));
  }
  return settlers;
}

}  // namespace

ShardSet make_shards(const Ports& ports, const Clock& clock, const ShardOptions& options,
                     prometheus::Registry& registry) {
  ShardSet shards;
  for (const auto& [id, store] : ports.orders) {
    shards.add(std::make_unique<Shard>(id, *store, ports.stream, clock, options, registry));
  }
  return shards;
}

UseCases::UseCases(const ShardSet& shards, const Ownership& ownership, const Ports& ports, const Codecs& codecs,
                   const ProcessParts& process, const UseCaseOptions& options)
    : ledgers(ports.ledgers, options.ledgers, process.clock, options.ledger, process.registry),
      frozen_accounts(ledgers, process.registry),
      settlers(make_settlers(ledgers, ports, ownership, options.follower_batch_vouchers_max, process.registry)),
      inbox_heads(make_if_shared<InboxHeads>(ports, codecs, process)),
      inbox_feed(ports.orders, ports.stream, ports.inbox, inbox_heads.get(), ownership,
                 options.follower_batch_vouchers_max),
      refunder(shards, ports.orders, process.clock),
      reconciler(shards, ledgers, codecs.pay_tokens, process.clock, options.reconciler),
      audit(ports.ledgers, options.ledgers, ports.orders, process.clock),
      archiver(
          shards, ports.orders, ledgers, ports.inbox, process.clock, options.archive,
          [&shards] { return shards.are_at_peak(); }, process.registry),
      pre_orders(ports.cache, codecs.pay_tokens, codecs.ids, options.ordering.payable + options.packet_ttl,
                 process.cache_clock, process.registry, ports.greetings),
      finished_packet_cache(make_if_shared<FinishedPacketCache>(ports, codecs, process)),
      profiles(ports.cache, process.cache_clock, process.registry),
      residency(shards, pre_orders),
      ordering(shards, pre_orders, ledgers, frozen_accounts, codecs.pay_tokens, codecs.ids, ports.control,
               process.clock, process.random, ownership, options.ordering),
      opening(shards, residency, frozen_accounts, codecs.tickets, ports.control, process.clock, options.ticket_ttl),
      viewing(residency, pre_orders, finished_packet_cache.get(), profiles, codecs.ids),
      calls(ordering, opening, viewing, codecs.ids),
      inbox_lists(ports.inbox, process.workers, inbox_heads.get()),
      wallets(ledgers, frozen_accounts, process.workers, process.clock, options.deposits_daily_max) {}

Result<void> UseCases::prepare() {
  for (const auto& settler : settlers) {
    if (auto prepared = settler->prepare(); !prepared) {
      return prepared;
    }
  }
  if (auto prepared = inbox_feed.prepare(); !prepared) {
    return prepared;
  }
  if (auto read = frozen_accounts.refresh(); !read) {
    return read;
  }
  return pre_orders.restore_greetings();
}

}  // namespace hongbao
