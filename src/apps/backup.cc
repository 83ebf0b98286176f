#include "apps/backup.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>

#include "adapters/sqlite/cold_days.h"
#include "adapters/sqlite/snapshot.h"
#include "adapters/sqlite/store_file.h"
#include "apps/backup_manifest.h"
#include "apps/data_checks.h"
#include "apps/data_identity.h"
#include "apps/data_stores.h"

namespace hongbao {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> refuse(const std::string& directory, std::string_view why) {
  return fail(ErrorCode::kConfig, fmt::format("{} {}", directory, why), "DIR");
}

Result<void> make_directory(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return refuse(directory,
                  fmt::format("can't be made: {}", std::error_code(errno, std::generic_category()).message()));
  }
  return {};
}

Result<void> begin(const std::string& data_dir, const std::string& directory) {
  std::error_code error;
  if (!directory.starts_with('/')) {
    return refuse(directory, "is not an absolute path");
  }
  const auto inside = fs::weakly_canonical(directory, error).lexically_relative(fs::weakly_canonical(data_dir, error));
  if (!inside.empty() && *inside.begin() != "..") {
    return refuse(directory, "lies in the data directory: a backup belongs elsewhere");
  }
  if (auto made = make_directory(directory); !made) {
    return made;
  }
  const bool is_empty = fs::directory_iterator(directory, error) == fs::directory_iterator();
  if (error) {
    return refuse(directory, fmt::format("can't be used: {}", error.message()));
  }
  if (!is_empty) {
    return refuse(directory, "is not empty");
  }
  return ::chmod(directory.c_str(), 0700) == 0
             ? Result<void>()
             : refuse(directory, "can't be taken away from others: it is another user's");
}

// All databases of the deployment, open for reading.
struct Cut {
  explicit Cut(const BackupSource& source)
      : inbox(fmt::format("{}/{}", source.data_dir, kInboxFile)),
        ledger(fmt::format("{}/{}", source.data_dir, kLedgerFile)) {
    for (const ShardId shard : source.shards) {
      orders.emplace_back(shard,
                          std::make_unique<sqlite::Snapshot>(fmt::format("{}/{}", source.data_dir, order_file(shard))));
    }
  }
  void pin() {
    ledger.pin();
    for (auto& [shard, snapshot] : orders) {
      snapshot->pin();
    }
  }

  sqlite::Snapshot inbox;
  sqlite::Snapshot ledger;
  std::vector<std::pair<ShardId, std::unique_ptr<sqlite::Snapshot>>> orders;
};

Result<std::unique_ptr<Cut>> cut(const BackupSource& source, const HoldLedger& hold) {
  auto made = sqlite::opened([&] {
    auto opening = std::make_unique<Cut>(source);
    opening->inbox.pin();
    return opening;
  });
  if (!made) {
    return made;
  }
  Result<void> pinned;
  const auto held = hold([&] { pinned = sqlite::opened([&] { (*made)->pin(); }); });
  const auto& failed = held ? pinned : held;
  return failed ? std::move(made) : std::unexpected(failed.error());
}

class Copying {
 public:
  Copying(const BackupSource& source, const std::string& directory, const BackupJob::Progress& progress)
      : source_(source), directory_(directory), progress_(progress) {}

  Result<void> copy(const std::string& name, sqlite::Snapshot& snapshot, const std::string& deployment) {
    const std::string target = fmt::format("{}/{}", directory_, name);
    const auto copied =
        sqlite::opened([&] { return snapshot.copy_to(target, [&](uint64_t bytes) { return progress_(0, bytes); }); });
    if (!copied || !*copied) {
      return copied ? given_up() : std::unexpected(copied.error());
    }
    const auto given = sqlite::opened([&] { sqlite::give_store(target, deployment); });
    return given ? add(name, sqlite::sum_file(target)) : given;
  }

  Result<void> copy_cold(ShardId shard, const std::vector<DayPart>& parts) {
    for (const DayPart part : parts) {
      const std::string name = "cold/" + sqlite::ColdDays::file_name(shard, part);
      auto done = make_directory(directory_ + "/cold");
      done = done ? add(name, sqlite::copy_synced(fmt::format("{}/{}", source_.data_dir, name),
                                                  fmt::format("{}/{}", directory_, name)))
                  : done;
      if (!done) {
        return done;
      }
      if (!progress_(0, files_.at(name).bytes)) {
        return given_up();
      }
    }
    return {};
  }

  std::map<std::string, sqlite::FileSum> take_files() { return std::move(files_); }

 private:
  Result<void> add(const std::string& name, const Result<sqlite::FileSum>& sum) {
    if (!sum) {
      return std::unexpected(sum.error());
    }
    files_.emplace(name, *sum);
    (void)progress_(1, 0);
    return {};
  }
  static Result<void> given_up() {
    return fail(ErrorCode::kUnavailable, "the backup was given up: the server is stopping, or it took too long");
  }

  const BackupSource& source_;
  const std::string& directory_;
  const BackupJob::Progress& progress_;
  std::map<std::string, sqlite::FileSum> files_;
};

Result<void> copy_all(Cut& databases, Copying& copying, const std::string& deployment) {
  // The one that is written most first: its log is the first that may be reused.
  for (auto& [shard, snapshot] : databases.orders) {
    const auto parts = sqlite::opened([&] { return snapshot->cold_parts(); });
    auto done = parts ? copying.copy(order_file(shard), *snapshot, deployment) : std::unexpected(parts.error());
    snapshot.reset();
    done = done ? copying.copy_cold(shard, *parts) : done;
    if (!done) {
      return done;
    }
  }
  auto done = copying.copy(std::string(kLedgerFile), databases.ledger, deployment);
  return done ? copying.copy(std::string(kInboxFile), databases.inbox, deployment) : done;
}

}  // namespace

Result<void> back_up(const BackupSource& source, const std::string& directory, const HoldLedger& hold,
                     const BackupJob::Progress& progress) {
  const auto identity = read_identity(source.data_dir);
  if (!identity || !*identity) {
    return identity ? refuse(source.data_dir, "holds no deployment") : std::unexpected(identity.error());
  }
  if (auto begun = begin(source.data_dir, directory); !begun) {
    return begun;
  }
  const std::string made_at = to_rfc3339(SystemClock().now());
  auto databases = cut(source, hold);
  if (!databases) {
    return std::unexpected(databases.error());
  }
  Copying copying(source, directory, progress);
  auto done = copy_all(**databases, copying, (*identity)->deployment);
  if (std::error_code error; done && fs::exists(directory + "/cold", error)) {
    done = sqlite::sync_directory(directory + "/cold");
  }
  done = done ? sqlite::sync_directory(directory) : done;
  return done ? write_manifest(directory, {.made_at = made_at,
                                           .master_key_id = (*identity)->master_key_id,
                                           .deployment = (*identity)->deployment,
                                           .files = copying.take_files()})
              : done;
}

}  // namespace hongbao
