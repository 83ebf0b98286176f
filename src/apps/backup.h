// A backup of an embedded deployment: one consistent cut of all its databases, also while they are written.
//
//   A payment is in the ledger before its `paid` voucher is in the log, and a voucher is in the log before a cursor
//   passes it. So the inbox is pinned first; then, while nothing is posted, the ledger and all orders (ADR 13).
//
// Blocking; one thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "core/ids.h"
#include "service/backup_job.h"

namespace hongbao {

struct BackupSource {
  std::string data_dir;
  std::vector<ShardId> shards;
};

// Runs what it gets while nothing is posted to the ledger; or says why it could not.
using HoldLedger = std::function<Result<void>(std::move_only_function<void()>)>;

// Into `directory`, which is absolute, and made, or empty. Without secrets. kConfig and kStorage, in one line; what was
// copied until then is not a backup.
Result<void> back_up(const BackupSource& source, const std::string& directory, const HoldLedger& hold,
                     const BackupJob::Progress& progress);

}  // namespace hongbao
