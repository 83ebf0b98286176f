#include "api/admin/audit_json.h"

#include <boost/json/array.hpp>

namespace hongbao {
namespace {

namespace json = boost::json;

json::object shard_audit_json(const ShardAudit& shard) {
  return {{"shard", to_text(shard.ledger.shard)},
          {"escrow", shard.ledger.escrow.fen()},
          {"expected", shard.expected().fen()},
          {"difference", shard.difference().fen()},
          {"packets", shard.orders.packets},
          {"packets_active", shard.orders.packets_active},
          {"packets_total", shard.orders.packets_total.fen()},
          {"paid", shard.orders.all.paid.fen()},
          {"opened", shard.orders.all.opened.fen()},
          {"refunded", shard.orders.all.refunded.fen()},
          {"unclaimed", shard.unclaimed().fen()},
          {"unsettled_paid", shard.orders.unsettled.paid.fen()},
          {"unsettled_opened", shard.orders.unsettled.opened.fen()},
          {"unsettled_refunded", shard.orders.unsettled.refunded.fen()},
          {"deferred", shard.ledger.deferred.fen()},
          {"deferred_count", shard.ledger.deferred_count},
          {"pending", shard.ledger.pending.fen()},
          {"pending_count", shard.ledger.pending_count},
          {"unpaid", shard.unpaid.total.fen()},
          {"next_voucher", shard.orders.next_voucher.value},
          {"settled_to", shard.ledger.cursor.value},
          {"lag", shard.lag()}};
}

json::object books_json(const LedgerTotals& books) {
  return {{"accounts", books.accounts},
          {"transfers", books.transfers},
          {"sum_over_accounts", books.sum_over_accounts.fen()},
          {"sum_over_transfers", books.sum_over_transfers.fen()},
          {"debits_posted", books.debits_posted.fen()},
          {"credits_posted", books.credits_posted.fen()},
          {"accounts_negative", books.accounts_negative}};
}

}  // namespace

json::object audit_json(const AuditReport& report, const PacketIdCodec& ids) {
  json::array shards;
  for (const ShardAudit& shard : report.shards) {
    shards.push_back(shard_audit_json(shard));
  }
  json::array violations;
  for (const PacketViolation& violation : report.violations) {
    violations.push_back({{"packet_id", ids.print(violation.packet)}, {"rule", violation.rule}});
  }
  json::object ledgers;
  for (const auto& [id, ledger] : report.ledgers) {
    ledgers[to_text(id)] = books_json(ledger);
  }
  json::array dues;
  for (const DuePair& pair : report.dues) {
    dues.push_back({{"between", {to_text(pair.one), to_text(pair.other)}},
                    {"due", pair.due.fen()},
                    {"on_its_way", pair.on_its_way.fen()},
                    {"difference", pair.difference().fen()}});
  }
  json::object out{{"balanced", report.balanced()}, {"difference", report.difference().fen()},
                   {"at", to_rfc3339(report.at)},   {"ledger", books_json(report.books())},
                   {"ledgers", std::move(ledgers)}, {"dues", std::move(dues)},
                   {"shards", std::move(shards)}};
  if (report.deep) {
    out["violations"] = std::move(violations);
  }
  return out;
}

json::object reconciliation_json(const ReconciliationReport& report) {
  return {{"at", to_rfc3339(report.at)}, {"pending", report.pending}, {"activated", report.activated},
          {"returned", report.returned}, {"failed", report.failed},   {"deferred", report.deferred},
          {"posted", report.posted}};
}

}  // namespace hongbao
