#include "adapters/mariadb/server_probe.h"

#include <utility>

namespace hongbao::mariadb {
namespace {

constexpr std::chrono::seconds kTimeout{1};

}  // namespace

ServerProbe::ServerProbe(Server server) : server_(std::move(server)) {
  server_.connect_timeout = kTimeout;
  server_.answer_timeout = kTimeout;
}

Result<void> ServerProbe::ask() {
  auto asked = guarded("probe", [&] {
    if (!connection_) {
      connection_.emplace(Database::open(server_, "", Database::Mode::kRead));
    }
    (void)connection_->text("SELECT 1");
  });
  if (!asked) {
    connection_.reset();
  }
  return asked;
}

}  // namespace hongbao::mariadb
