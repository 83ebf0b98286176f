// The real engines that tests/contract/with_engines.py started, and what a test does to them. A test without them
// fails: no engine is ever skipped.
#pragma once

#include <memory>
#include <string>

#include "adapters/mariadb/order_store.h"
#include "contract/values.h"

namespace hongbao {

// The value of an environment variable that with_engines.py sets.
std::string required_environment(const char* name);

mariadb::Server test_mariadb();
// What is in the file that an environment variable names.
std::string file_of_environment(const char* name);
// A file of the directory of certificates: ca.pem, other.pem.
std::string test_certificate(const std::string& name);
// Another one for each call.
std::string scratch_prefix();

// A database on the test server with its schema, until the object goes.
class ScratchDatabase {
 public:
  explicit ScratchDatabase(mariadb::DatabaseName name);
  ScratchDatabase(const ScratchDatabase&) = delete;
  ScratchDatabase& operator=(const ScratchDatabase&) = delete;
  ~ScratchDatabase();

  [[nodiscard]] const mariadb::DatabaseName& name() const { return name_; }

 private:
  mariadb::DatabaseName name_;
};

// A shard's databases on the test server, and the store on them.
class ScratchOrders {
 public:
  Result<std::unique_ptr<mariadb::OrderStore>> open(const mariadb::Server& server = test_mariadb()) const;
  [[nodiscard]] const mariadb::DatabaseName& hot() const { return hot_.name(); }
  [[nodiscard]] const mariadb::DatabaseName& cold() const { return cold_.name(); }

 private:
  const std::string prefix_ = scratch_prefix();
  const ScratchDatabase hot_{mariadb::orders_database(kShard, prefix_)};
  const ScratchDatabase cold_{mariadb::cold_database(kShard, prefix_)};
};

// kill, restart, freeze, thaw, wipe, stop or start "mariadb", "redis" or "nats"; returns when it is done. `argument`:
// options for one restart of MariaDB. Also small_disk, fill, drain and usual_disk, for "mariadb" (with_engines.py).
void engine(const std::string& action, const std::string& name, const std::string& argument = "");
// Runs a statement on the test server as its root.
void mariadb_as_root(const std::string& statement);

}  // namespace hongbao
