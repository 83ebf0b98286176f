// MariaDB: what people write who keep packets in a database. One row a packet, one row a share with UNIQUE(packet,
// user), READ COMMITTED, a connection and a thread each. Statements that need no answer in between go in one round
// trip, so that the packet's row is locked as shortly as the client can manage.
//
//   for update   BEGIN; SELECT … FOR UPDATE | INSERT; UPDATE; COMMIT
//   cas          SELECT | BEGIN; UPDATE … WHERE version = … | INSERT; COMMIT, three tries, then the user taps again
//   after 50 ms
#include <fmt/format.h>
#include <mysql.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "core/packet.h"
#include "opens/system.h"

namespace hongbao::bench {
namespace {

using std::chrono::steady_clock;

constexpr int kTries = 3;
constexpr std::chrono::milliseconds kTapAgain{50};  // a user whose tries all failed
constexpr uint32_t kRowsAtOnce = 500;

class MariadbError : public std::runtime_error {
 public:
  explicit MariadbError(MYSQL* connection) : std::runtime_error(fmt::format("mariadb: {}", mysql_error(connection))) {}
};

struct PacketRow {
  int64_t remaining = 0;
  uint32_t opened = 0;
  uint32_t count = 0;
  uint64_t version = 0;
};

class MariadbConnection {
 public:
  explicit MariadbConnection(const SystemOptions& options) : connection_(mysql_init(nullptr)) {
    require(mysql_real_connect(connection_.get(), "127.0.0.1", options.user.c_str(), options.password.c_str(), nullptr,
                               options.port, nullptr, CLIENT_MULTI_STATEMENTS) != nullptr);
    run("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
  }

  // Runs statements and returns the last result set's only row, if there was one, and the rows that the last statement
  // without one changed.
  struct Answer {
    std::vector<std::string> row;
    uint64_t changed = 0;
  };
  Answer run(const std::string& sql) {
    MYSQL* connection = connection_.get();
    require(mysql_real_query(connection, sql.data(), sql.size()) == 0);
    Answer answer;
    for (int more = 0; more == 0; more = mysql_next_result(connection)) {
      const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> rows(mysql_store_result(connection),
                                                                          &mysql_free_result);
      if (!rows) {
        require(mysql_field_count(connection) == 0);
        answer.changed = mysql_affected_rows(connection);
        continue;
      }
      answer.row.clear();
      if (const MYSQL_ROW row = mysql_fetch_row(rows.get())) {
        answer.row.assign(row, row + mysql_num_fields(rows.get()));
      }
    }
    require(mysql_errno(connection) == 0);
    return answer;
  }

  PacketRow packet(const std::string& sql) {
    const auto row = run(sql).row;
    return {std::stoll(row.at(0)), static_cast<uint32_t>(std::stoul(row.at(1))),
            static_cast<uint32_t>(std::stoul(row.at(2))), std::stoull(row.at(3))};
  }

 private:
  void require(bool holds) const {
    if (!holds) {
      throw MariadbError(connection_.get());
    }
  }

  struct Close {
    void operator()(MYSQL* connection) const { mysql_close(connection); }
  };
  std::unique_ptr<MYSQL, Close> connection_;
};

// The next share; seq 0 when none is left.
Given draw(Money total, const PacketRow& row) {
  if (row.opened == row.count) {
    return {};
  }
  const uint32_t seq = row.opened + 1;
  return {seq, draw_share(Order{.total = total, .count = row.count}, Money(row.remaining), seq)};
}

std::string select(uint32_t packet) {
  return fmt::format("SELECT remaining, opened, count, version FROM packet WHERE id = {}", packet);
}
std::string update(uint32_t packet, const Given& given) {
  return fmt::format(
      "UPDATE packet SET remaining = remaining - {}, opened = opened + 1, version = version + 1 WHERE id = {}",
      given.amount.fen(), packet);
}
std::string insert(const Open& open, const Given& given) {
  return fmt::format("INSERT INTO share(packet, user, seq, amount) VALUES ({}, '{}', {}, {})", open.packet,
                     Workload::user_name(open.user), given.seq, given.amount.fen());
}

Given open_for_update(MariadbConnection& connection, Money total, const Open& open) {
  const PacketRow row = connection.packet("BEGIN; " + select(open.packet) + " FOR UPDATE");
  const Given given = draw(total, row);
  connection.run(given.seq == 0 ? "ROLLBACK"
                                : fmt::format("{}; {}; COMMIT", insert(open, given), update(open.packet, given)));
  return given;
}

Given open_cas(MariadbConnection& connection, Money total, const Open& open) {
  while (true) {
    for (int tries = 0; tries < kTries; ++tries) {
      const PacketRow row = connection.packet(select(open.packet));
      const Given given = draw(total, row);
      if (given.seq == 0) {
        return given;
      }
      const auto updated =
          connection.run(fmt::format("BEGIN; {} AND version = {}", update(open.packet, given), row.version));
      if (updated.changed == 1) {
        connection.run(fmt::format("{}; COMMIT", insert(open, given)));
        return given;
      }
      connection.run("ROLLBACK");
    }
    std::this_thread::sleep_for(kTapAgain);
  }
}

class Mariadb final : public System {
 public:
  Mariadb(const SystemOptions& options, MariadbWay way) : options_(options), way_(way) {
    mysql_library_init(0, nullptr, nullptr);
  }

  Result<void> prepare(const Workload& workload) override {
    workload_ = &workload;
    try {
      MariadbConnection connection(options_);
      connection.run(
          "DROP DATABASE IF EXISTS bench; CREATE DATABASE bench; USE bench;"
          "CREATE TABLE packet(id INT UNSIGNED PRIMARY KEY, remaining BIGINT NOT NULL, opened INT UNSIGNED NOT NULL,"
          " count INT UNSIGNED NOT NULL, version BIGINT UNSIGNED NOT NULL) ENGINE=InnoDB;"
          "CREATE TABLE share(id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, packet INT UNSIGNED NOT NULL,"
          " user VARCHAR(64) CHARACTER SET ascii NOT NULL, seq INT UNSIGNED NOT NULL, amount BIGINT NOT NULL,"
          " UNIQUE(packet, user)) ENGINE=InnoDB");
      for (uint32_t from = 0; from < workload.counts.size(); from += kRowsAtOnce) {
        std::string sql = "INSERT INTO bench.packet VALUES ";
        const auto end = std::min<uint32_t>(from + kRowsAtOnce, static_cast<uint32_t>(workload.counts.size()));
        for (uint32_t packet = from; packet < end; ++packet) {
          sql += fmt::format("{}({},{},0,{},0)", packet == from ? "" : ",", packet, workload.total(packet).fen(),
                             workload.counts[packet]);
        }
        connection.run(sql);
      }
      connections_.clear();
      for (uint32_t i = 0; i < options_.connections; ++i) {
        connections_.push_back(std::make_unique<MariadbConnection>(options_));
        connections_.back()->run("USE bench");
      }
    } catch (const MariadbError& error) {
      return fail(ErrorCode::kStorage, error.what());
    }
    return {};
  }

  Result<Measured> open(Phase phase) override {
    const auto& opens = phase == Phase::kOpens ? workload_->opens : workload_->late;
    Measured measured;
    measured.given.resize(opens.size());
    std::atomic<size_t> next{0};
    std::mutex mutex;
    std::string first_error;  // guarded by mutex, as is measured.latency
    const auto start = steady_clock::now();
    {
      std::vector<std::jthread> threads;
      for (const auto& connection : connections_) {
        threads.emplace_back([&] {
          load::LatencyHistogram latency;
          try {
            for (size_t i = next++; i < opens.size(); i = next++) {
              const auto began = steady_clock::now();
              measured.given[i] = open_one(*connection, opens[i]);
              latency.add(std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - began).count());
            }
          } catch (const MariadbError& error) {
            const std::lock_guard lock(mutex);
            first_error = error.what();
          }
          const std::lock_guard lock(mutex);
          measured.latency += latency;
        });
      }
    }
    measured.seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
    return first_error.empty() ? Result<Measured>(std::move(measured)) : fail(ErrorCode::kStorage, first_error);
  }

 private:
  Given open_one(MariadbConnection& connection, const Open& open) const {
    const Money total = workload_->total(open.packet);
    return way_ == MariadbWay::kForUpdate ? open_for_update(connection, total, open)
                                          : open_cas(connection, total, open);
  }

  const SystemOptions options_;
  const MariadbWay way_;
  const Workload* workload_ = nullptr;
  std::vector<std::unique_ptr<MariadbConnection>> connections_;
};

}  // namespace

std::unique_ptr<System> make_mariadb(const SystemOptions& options, MariadbWay way) {
  return std::make_unique<Mariadb>(options, way);
}

}  // namespace hongbao::bench
