// The days of a shard that are cold: each part in a file of its own, `<directory>/s007-20261122.db`, a plain SQLite
// database that nothing writes any more. A few of them are held open.
//
// Threads: any; files are read one at a time. Errors: SqliteError, also for a file that is missing.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "adapters/sqlite/engine.h"
#include "storage/order_day.h"

namespace hongbao::sqlite {

using OrderDay = hongbao::OrderDay<Engine>;

inline constexpr size_t kOpenColdDaysMax = 16;  // of a shard

class ColdDays {
 public:
  ColdDays(std::filesystem::path directory, ShardId shard) : directory_(std::move(directory)), shard_(shard) {}

  // Runs `function(OrderDay&)` on the part, in one snapshot.
  template <class Function>
  auto use(const StoredDay& stored, Function&& function) {
    const std::lock_guard lock(mutex_);
    return function(open(stored.part).day);
  }

  // Copies what the part's file has not. Its rows and its name are on the disk afterwards. False: not all yet.
  bool copy(DayPart part, OrderDay& hot, const GoOn& go_on);
  [[nodiscard]] std::string file(DayPart part) const;
  // The name of a part's file in the directory.
  static std::string file_name(ShardId shard, DayPart part);
  // Removes the part's file, if there is one.
  void erase(DayPart part);

 private:
  struct OpenDay {
    OpenDay(const std::string& file, ShardId shard, DayPart part);
    Database database;
    OrderDay day;
  };
  OpenDay& open(DayPart part);
  void make_directory() const;

  const std::filesystem::path directory_;
  const ShardId shard_;
  std::mutex mutex_;
  std::map<DayPart, std::unique_ptr<OpenDay>> open_;  // guarded by mutex_
};

}  // namespace hongbao::sqlite
