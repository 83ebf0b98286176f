#include "adapters/mariadb/list_statement.h"

#include <algorithm>

namespace hongbao::mariadb {

Statement& ListStatement::next(std::span<const Value>& values) {
  const auto places = static_cast<size_t>(std::ranges::count(item_, '?'));
  CHECK(values.size() % places == 0);
  const size_t items = std::min(std::bit_floor(values.size() / places), kItemsAtOnce);
  current_ = values.first(items * places);
  values = values.subspan(items * places);
  return statement_of(items);
}

Statement& ListStatement::statement_of(size_t items) {
  auto& statement = statements_[static_cast<size_t>(std::bit_width(items)) - 1];
  if (!statement) {
    const size_t at = sql_.find("{}");
    CHECK(at != std::string::npos);
    std::string list;
    for (size_t i = 0; i < items; ++i) {
      list += i == 0 ? item_ : "," + item_;
    }
    statement.emplace(database_.prepare(std::string(sql_).replace(at, 2, list)));
  }
  return *statement;
}

}  // namespace hongbao::mariadb
