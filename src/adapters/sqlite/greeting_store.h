// Greetings in SQLite: one small file, written behind by a thread of its own in few, unsynced transactions, so that
// nothing waits for it. A power cut takes the last ones along; what ends the process only does not.
//
// Threads: any; errors of the writing thread are logged.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "adapters/sqlite/database.h"
#include "base/mailbox.h"
#include "ports/greeting_store.h"

namespace hongbao::sqlite {

class GreetingStore final : public hongbao::GreetingStore {
 public:
  static constexpr size_t kWaitingMax = 65'536;
  static constexpr std::chrono::milliseconds kRest{100};  // between transactions

  // Makes the file when it is missing. kStorage: it can't be used, or is another version's. `clock` outlives it.
  static Result<std::unique_ptr<GreetingStore>> open(const std::string& file, const Clock& clock);
  // Writes what waits.
  ~GreetingStore() override;

  void keep(KeptGreeting greeting) override;
  Result<std::vector<KeptGreeting>> kept(Timestamp now, size_t greetings_max) override;

 private:
  GreetingStore(Database database, const Clock& clock);
  void run();
  void write(const std::vector<KeptGreeting>& greetings);

  const Clock& clock_;
  Mailbox<KeptGreeting> waiting_{kWaitingMax};
  std::mutex mutex_;
  Database database_;  // guarded by mutex_, as are its statements
  Statement insert_;
  Statement erase_;
  Statement select_;
  std::thread writer_;
};

}  // namespace hongbao::sqlite
