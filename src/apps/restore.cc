#include "apps/restore.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "adapters/sqlite/data_dir.h"
#include "adapters/sqlite/store_file.h"
#include "apps/backup_manifest.h"
#include "apps/data_identity.h"
#include "apps/data_stores.h"
#include "apps/data_trace.h"
#include "service/store_check.h"

namespace hongbao {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLock = "LOCK";
constexpr std::string_view kAside = "replaced-";

std::unexpected<Error> failed(const fs::path& path, std::string_view doing, const std::string& why) {
  return fail(ErrorCode::kStorage, fmt::format("{} can't be {}: {}", path.string(), doing, why));
}

Result<void> make_directory(const fs::path& path) {
  return ::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST
             ? Result<void>()
             : failed(path, "made", std::error_code(errno, std::generic_category()).message());
}

Result<void> move_file(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  return error ? failed(from, "moved", error.message()) : Result<void>();
}

// Everything in a directory but what `stays` says, and `last` at the end.
template <class Stays>
Result<void> move_all(const fs::path& from, const fs::path& to, Stays stays) {
  std::vector<fs::path> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(from, error)) {
    if (!stays(entry.path().filename().string())) {
      names.push_back(entry.path().filename());
    }
  }
  Result<void> done = error ? failed(from, "listed", error.message()) : Result<void>();
  for (size_t i = 0; done && i < names.size(); ++i) {
    done = move_file(from / names[i], to / names[i]);
  }
  return done;
}

class Restoring {
 public:
  Restoring(const Settings& settings, sqlite::DataDir& dir, std::string backup, BackupManifest manifest)
      : settings_(settings),
        dir_(dir),
        backup_(std::move(backup)),
        manifest_(std::move(manifest)),
        root_(dir.path()),
        staging_(root_ / kRestoringDirectory) {}

  // Copies all of the backup, each file compared with the manifest.
  Result<void> copy() {
    std::error_code error;
    fs::remove_all(staging_, error);  // of a restore that died
    auto done = make_directory(staging_);
    for (auto file = manifest_.files.begin(); done && file != manifest_.files.end(); ++file) {
      done = file->first.starts_with("cold/") ? make_directory(staging_ / "cold") : done;
      done = done ? copy(file->first, file->second) : done;
    }
    return done;
  }

  // The copies as a server will find them: of a deployment of their own, and of one moment.
  Result<void> check() {
    DataIdentity identity{.master_key_id = manifest_.master_key_id, .deployment = deployment_, .files = {}};
    for (const auto& [name, sum] : manifest_.files) {
      if (name.starts_with("cold/")) {
        continue;
      }
      identity.files.insert(name);
      if (auto given = sqlite::opened([&] { sqlite::give_store((staging_ / name).string(), deployment_); }); !given) {
        return given;
      }
    }
    auto done = sqlite::write_durably(staging_ / kIdentityFile, print_identity(identity));
    const auto staged = done ? sqlite::DataDir::lock(staging_.string()) : std::unexpected(done.error());
    const auto stores = staged ? open_data(*staged, settings_.shard_ids(), settings_.master_key_ids())
                               : std::unexpected(staged.error());
    if (!stores) {
      return std::unexpected(stores.error());
    }
    return check_stores(stores->order_stores(), stores->ledger_stores(), *stores->inbox);
  }

  // Where the data of before is now.
  Result<std::string> put_aside() {
    std::string name = fmt::format("{}{}", kAside, to_rfc3339(SystemClock().now()));
    std::erase(name, ':');
    const fs::path aside = root_ / name;
    auto done = make_directory(aside);
    if (std::error_code error; done && fs::exists(root_ / kIdentityFile, error)) {
      done = move_file(root_ / kIdentityFile, aside / kIdentityFile);
    }
    done = done ? dir_.sync() : done;
    done = done ? move_all(root_, aside,
                           [](const std::string& entry) {
                             return entry == kLock || entry == kRestoringDirectory || entry.starts_with(kAside);
                           })
                : done;
    return done ? Result<std::string>(aside.string()) : std::unexpected(done.error());
  }

  Result<void> move_in() {
    leave_trace(settings_.config_file, settings_.data_dir, deployment_);
    auto done =
        move_all(staging_, root_, [](const std::string& entry) { return entry == kLock || entry == kIdentityFile; });
    done = done ? dir_.sync() : done;
    done = done ? move_file(staging_ / kIdentityFile, root_ / kIdentityFile) : done;
    done = done ? dir_.sync() : done;
    if (done) {
      std::error_code error;
      fs::remove_all(staging_, error);
      dir_.close_to_others();
    }
    return done;
  }

 private:
  Result<void> copy(const std::string& name, const sqlite::FileSum& wanted) {
    const auto sum = sqlite::copy_synced(fs::path(backup_) / name, staging_ / name);
    if (!sum) {
      return std::unexpected(sum.error());
    }
    return *sum == wanted
               ? Result<void>()
               : fail(ErrorCode::kConfig,
                      fmt::format("{}/{} is not the file that the backup was made with", backup_, name), "DIR");
  }

  const Settings& settings_;
  sqlite::DataDir& dir_;
  const std::string backup_;
  const BackupManifest manifest_;
  const std::string deployment_ = new_deployment();
  const fs::path root_;
  const fs::path staging_;
};

Result<bool> holds_data(const std::string& path) {
  const auto databases = list_databases(path);
  if (!databases) {
    return std::unexpected(databases.error());
  }
  std::error_code error;
  return !databases->empty() || fs::exists(fmt::format("{}/{}", path, kIdentityFile), error);
}

}  // namespace

Result<Restored> restore(const Settings& settings, const std::string& directory, bool replace) {
  const auto manifest = read_manifest(directory);
  if (!manifest) {
    return std::unexpected(manifest.error());
  }
  if (const auto ids = settings.master_key_ids(); ids.empty() || manifest->master_key_id != to_hex(ids.front())) {
    return fail(ErrorCode::kConfig, fmt::format("names another key than {} was made with: give that one", directory),
                "auth.master_keys_file");
  }
  auto dir = sqlite::DataDir::lock(settings.data_dir);
  const auto occupied = dir ? holds_data(settings.data_dir) : std::unexpected(dir.error());
  if (!occupied) {
    return std::unexpected(occupied.error());
  }
  if (*occupied && !replace) {
    return fail(ErrorCode::kConfig, fmt::format("{} holds data: --replace puts it aside", settings.data_dir),
                "data.dir");
  }
  Restored restored{.made_at = manifest->made_at, .files = manifest->files.size()};
  for (const auto& [name, sum] : manifest->files) {
    restored.bytes += sum.bytes;
  }
  Restoring restoring(settings, *dir, directory, *manifest);
  auto done = restoring.copy();
  done = done ? restoring.check() : done;
  if (done && *occupied) {
    auto aside = restoring.put_aside();
    done = aside ? Result<void>() : std::unexpected(aside.error());
    restored.aside = aside.value_or("");
  }
  done = done ? restoring.move_in() : done;
  return done ? Result<Restored>(std::move(restored)) : std::unexpected(done.error());
}

}  // namespace hongbao
