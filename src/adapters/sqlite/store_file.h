// A database file of a data directory, as its one writer opens it: there, whole, and of the directory's deployment. A
// file that was lost, emptied, copied without its log or taken from elsewhere would otherwise begin anew, and with it
// the money.
//
// Threads: one at a time for a file. Errors: SqliteError with one line for an operator.
#pragma once

#include <string>
#include <type_traits>
#include <utility>

#include "adapters/sqlite/database.h"
#include "adapters/sqlite/schema.h"

namespace hongbao::sqlite {

struct StoreTerms {
  std::string deployment;  // whose file it is; a new one becomes it
  bool was_made = false;   // it was made before, and must be there
};

// The file says that it is in use from here on until the returned Database goes, so that a copy that lacks its log is
// known. Having written that, the file can be written.
Database open_store(const std::string& file, const Schema& schema, const StoreTerms& terms);

// Gives a file that nobody uses to another deployment, and leaves one plain database without a log: synced.
void give_store(const std::string& file, const std::string& deployment);

// The border for opening: runs `function` and turns SqliteError into Error{kStorage}, whose line the caller shows.
template <class Function>
auto opened(Function&& function) -> Result<std::invoke_result_t<Function>> {
  try {
    return result_of(std::forward<Function>(function));
  } catch (const SqliteError& error) {
    return fail(ErrorCode::kStorage, error.what());
  }
}

}  // namespace hongbao::sqlite
