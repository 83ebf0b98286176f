#include "adapters/sqlite/greeting_store.h"

#include <utility>

#include "adapters/sqlite/ledger_rows.h"
#include "adapters/sqlite/schema.h"
#include "base/thread.h"

namespace hongbao::sqlite {
namespace {

constexpr std::chrono::milliseconds kIdleWait{1'000};
constexpr size_t kAtOnceMax = 4'096;
constexpr int64_t kErasedAtOnceMax = 10'000;

const Schema& greeting_schema() {
  // By the end of their time: what is over lies together.
  static const Schema schema{.application_id = 0x48426772,  // "HBgr"
                             .steps = {R"(
CREATE TABLE greeting(
  until INTEGER NOT NULL, shard TEXT NOT NULL, day INTEGER NOT NULL, local INTEGER NOT NULL, text TEXT NOT NULL,
  PRIMARY KEY (until, shard, day, local)) STRICT, WITHOUT ROWID;
)"}};
  return schema;
}

}  // namespace

Result<std::unique_ptr<GreetingStore>> GreetingStore::open(const std::string& file, const Clock& clock) {
  return guarded("greeting_store.open", [&] {
    Database database = Database::open_writer(file);
    require_schema(database, file, greeting_schema());
    database.execute("PRAGMA synchronous = NORMAL");
    return std::unique_ptr<GreetingStore>(new GreetingStore(std::move(database), clock));
  });
}

GreetingStore::GreetingStore(Database database, const Clock& clock)
    : clock_(clock),
      database_(std::move(database)),
      insert_(database_.prepare("INSERT OR IGNORE INTO greeting(until, shard, day, local, text) VALUES (?,?,?,?,?)")),
      erase_(database_.prepare("DELETE FROM greeting WHERE (until, shard, day, local) IN (SELECT until, shard, day, "
                               "local FROM greeting WHERE until <= ? ORDER BY until LIMIT ?)")),
      select_(database_.prepare("SELECT shard, day, local, text, until FROM greeting WHERE until > ? ORDER BY until "
                                "DESC LIMIT ?")),
      writer_([this] { run(); }) {}

GreetingStore::~GreetingStore() {
  waiting_.close();
  writer_.join();
}

void GreetingStore::keep(KeptGreeting greeting) {
  (void)waiting_.push(greeting);
}

void GreetingStore::run() {
  name_this_thread("greetings");
  std::vector<KeptGreeting> greetings;
  while (true) {
    greetings.clear();
    waiting_.take(greetings, kAtOnceMax, kIdleWait);
    if (greetings.empty() && waiting_.closed()) {
      return;
    }
    if (!greetings.empty()) {
      (void)guarded("greeting_store.write", [&] { write(greetings); });
    }
    if (!waiting_.closed()) {
      std::this_thread::sleep_for(kRest);
    }
  }
}

void GreetingStore::write(const std::vector<KeptGreeting>& greetings) {
  const std::scoped_lock lock(mutex_);
  Transaction transaction(database_, Transaction::Kind::kWrite);
  for (const auto& [packet, text, until] : greetings) {
    insert_.run(until, packet.shard, packet.day, packet.local, text);
  }
  erase_.run(clock_.now(), kErasedAtOnceMax);
  transaction.commit();
}

Result<std::vector<KeptGreeting>> GreetingStore::kept(Timestamp now, size_t greetings_max) {
  return guarded("greeting_store.kept", [&] {
    const std::scoped_lock lock(mutex_);
    std::vector<KeptGreeting> greetings;
    Rows rows = select_.query(now, greetings_max);
    while (rows.next()) {
      greetings.push_back({read_packet_key(rows, 0), std::string(rows.text(3)), {rows.integer(4)}});
    }
    return greetings;
  });
}

}  // namespace hongbao::sqlite
