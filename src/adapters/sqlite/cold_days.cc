#include "adapters/sqlite/cold_days.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "adapters/sqlite/files.h"
#include "adapters/sqlite/order_rows.h"
#include "adapters/sqlite/schema.h"
#include "storage/day_move.h"

namespace hongbao::sqlite {
namespace {

void require(const Result<void>& done) {
  if (!done) {
    throw SqliteError(SQLITE_IOERR, done.error().detail);
  }
}

// The side that a part is copied to.
class Copy {
 public:
  Copy(Database& database, const DayTables& tables)
      : database_(database),
        insert_packet_(database.prepare(insert_packet(tables))),
        insert_voucher_(database.prepare(insert_voucher(tables))),
        next_local_{static_cast<uint64_t>(
            database.integer(fmt::format("SELECT coalesce(max(local) + 1, 0) FROM {}", tables.packets)))},
        next_no_{static_cast<uint64_t>(
            database.integer(fmt::format("SELECT coalesce(max(no) + 1, 0) FROM {}", tables.vouchers)))} {}

  void add(const std::vector<PacketRow>& packets) {
    Transaction transaction(database_, Transaction::Kind::kWrite);
    for (const PacketRow& packet : packets) {
      run_insert(insert_packet_, packet.order, packet.state);
    }
    transaction.commit();
  }
  void add(const std::vector<Voucher>& vouchers) {
    Transaction transaction(database_, Transaction::Kind::kWrite);
    for (const Voucher& voucher : vouchers) {
      run_insert(insert_voucher_, voucher);
    }
    transaction.commit();
  }
  [[nodiscard]] LocalNo next_local() const { return next_local_; }
  [[nodiscard]] VoucherNo next_no() const { return next_no_; }

 private:
  Database& database_;
  Statement insert_packet_;
  Statement insert_voucher_;
  const LocalNo next_local_;  // when the copy began
  const VoucherNo next_no_;
};

}  // namespace

ColdDays::OpenDay::OpenDay(const std::string& file, ShardId shard, DayPart part)
    : database(Database::open_plain_reader(file)), day(database, shard, part.day, hot_tables(part)) {}

ColdDays::OpenDay& ColdDays::open(DayPart part) {
  auto found = open_.find(part);
  if (found == open_.end()) {
    if (open_.size() >= kOpenColdDaysMax) {
      open_.clear();
    }
    found = open_.emplace(part, std::make_unique<OpenDay>(file(part), shard_, part)).first;
  }
  return *found->second;
}

bool ColdDays::copy(DayPart part, OrderDay& hot, const GoOn& go_on) {
  make_directory();
  {
    Database database = Database::open_writer(file(part));
    require_schema(database, file(part), cold_schema(part));
    {
      Copy cold(database, hot_tables(part));
      if (!copy_day(hot, cold, go_on)) {
        return false;
      }
    }
    database.leave_wal();
  }
  require(sync_directory(directory_));
  return true;
}

void ColdDays::erase(DayPart part) {
  const std::lock_guard lock(mutex_);
  open_.erase(part);
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    std::error_code error;
    std::filesystem::remove(file(part) + suffix, error);
  }
}

std::string ColdDays::file(DayPart part) const {
  return (directory_ / file_name(shard_, part)).string();
}

std::string ColdDays::file_name(ShardId shard, DayPart part) {
  return fmt::format("{}-{}.db", to_text(shard), to_text(part));
}

void ColdDays::make_directory() const {
  if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST) {
    const auto words = std::error_code(errno, std::generic_category()).message();
    throw SqliteError(SQLITE_CANTOPEN, fmt::format("{}: {}", directory_.string(), words));
  }
  require(sync_directory(directory_.parent_path()));
}

}  // namespace hongbao::sqlite
