#include "adapters/mariadb/lookup.h"

namespace hongbao::mariadb {

std::string Lookup::with_places(std::string_view sql) {
  const size_t at = sql.find("{}");
  CHECK(at != std::string_view::npos);
  std::string out(sql.substr(0, at));
  for (size_t i = 0; i < kKeysAtOnce; ++i) {
    out += i == 0 ? "?" : ",?";
  }
  return out.append(sql.substr(at + 2));
}

}  // namespace hongbao::mariadb
