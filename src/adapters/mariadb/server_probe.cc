#include "adapters/mariadb/server_probe.h"

#include <utility>

namespace hongbao {
namespace {

constexpr std::chrono::seconds kTimeout{1};

}  // namespace

MariadbProbe::MariadbProbe(MariadbServer server) : server_(std::move(server)) {
  server_.connect_timeout = kTimeout;
  server_.answer_timeout = kTimeout;
}

Result<void> MariadbProbe::ask() {
  auto asked = mariadb::guarded("probe", [&] {
    if (!connection_) {
      connection_.emplace(mariadb::Database::open(server_, "", mariadb::Database::Mode::kRead));
    }
    (void)connection_->text("SELECT 1");
  });
  if (!asked) {
    connection_.reset();
  }
  return asked;
}

}  // namespace hongbao
