// The stores of an embedded deployment, in its data directory. The owner's thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/sqlite/data_dir.h"
#include "base/crypto.h"
#include "ports/inbox_store.h"
#include "ports/ledger_store.h"
#include "ports/order_store.h"

namespace hongbao {

inline constexpr std::string_view kLedgerFile = "ledger.db";
inline constexpr std::string_view kInboxFile = "inbox.db";

struct DataStores {
  std::string deployment;
  std::map<ShardId, std::unique_ptr<OrderStore>> orders;
  std::unique_ptr<LedgerStore> ledger;
  std::unique_ptr<InboxStore> inbox;

  [[nodiscard]] std::map<ShardId, OrderStore*> order_stores() const;
  // The one there is, of the shards' region. REQUIRES: there are shards.
  [[nodiscard]] std::map<LedgerId, LedgerStore*> ledger_stores() const;
};

// Makes what belongs to a new directory, or to a shard that is new. Whatever was made before must be there, whole, and
// of the directory's deployment; the master keys must be those it was made with, or more, and no shard that has orders
// may be left out. kConfig or kStorage, with one line that names the file and says what to do.
Result<DataStores> open_data(const sqlite::DataDir& dir, const std::vector<ShardId>& shards,
                             const std::vector<Key128>& master_key_ids);

}  // namespace hongbao
