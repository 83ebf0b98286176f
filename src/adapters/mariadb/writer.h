// The writing connection of a store whose batches may be repeated: made when it is needed, dropped after an error, and
// a transaction that the server rolled back (a deadlock with another process, a lock that did not come, another
// process's row that came first) is tried again.
//
// One thread. Errors: kStorage with MariaDB's words.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "adapters/mariadb/database.h"
#include "base/log.h"
#include "base/log_rate.h"

namespace hongbao::mariadb {

inline constexpr int kWriteTriesMax = 5;

// `Session` is made from a Database, and has `rollback`.
template <class Session>
class Writer {
 public:
  Writer(Server server, std::string database) : server_(std::move(server)), name_(std::move(database)) {}

  // Runs `function(Session&)`, which commits at its end. It may run more than once, and then nothing of the earlier
  // runs took effect; but after an error all of the last one may have.
  template <class Function>
  auto run(std::string_view what, Function function) {
    auto result = guarded(what, [&] { return repeat(what, function); });
    if (!result) {
      session_.reset();
    }
    return result;
  }

 private:
  template <class Function>
  auto repeat(std::string_view what, Function& function) {
    for (int tries = 1;; ++tries) {
      try {
        if (!session_) {
          session_.emplace(Database::open(server_, name_, Database::Mode::kWrite));
        }
        return function(*session_);
      } catch (const MariadbError& error) {
        // Two processes may make the same row; the one that came second sees it when it looks again.
        if ((!error.is_rolled_back() && !error.is_constraint()) || tries == kWriteTriesMax) {
          throw;
        }
        if (const auto left_out = log_turn("transaction_repeated", what)) {
          log_info("transaction_repeated", {{"call", what}, {"error", error.what()}, {"suppressed", *left_out}});
        }
        session_->rollback();
      }
    }
  }

  const Server server_;
  const std::string name_;
  std::optional<Session> session_;
};

}  // namespace hongbao::mariadb
