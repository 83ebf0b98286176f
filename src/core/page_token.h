// Page tokens: a position in one user's list, with a keyed hash so that a token made up, changed, or taken from another
// list or user is refused. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.h"

namespace hongbao {

class PageTokenCodec {
 public:
  explicit PageTokenCodec(const Key128& key) : key_(key) {}

  // `scope` names the list and its owner, such as "shares:alice".
  [[nodiscard]] std::string print(std::string_view scope, uint64_t position) const;
  [[nodiscard]] std::optional<uint64_t> parse(std::string_view scope, std::string_view token) const;

 private:
  [[nodiscard]] uint64_t tag(std::string_view scope, uint64_t position) const;

  Key128 key_;
};

}  // namespace hongbao
