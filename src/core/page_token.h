// Page tokens: where a page of one user's list begins, with a keyed hash so that a token made up, changed, or taken
// from another list or user is refused. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "core/key_ring.h"
#include "core/list_position.h"

namespace hongbao {

struct PageMark {
  static constexpr uint32_t kNumberMax = 1'023;

  uint32_t number = 1;  // of the page that begins here; kNumberMax: that, or a later one
  ListPosition position;

  friend bool operator==(const PageMark&, const PageMark&) = default;
};

class PageTokenCodec {
 public:
  explicit PageTokenCodec(Subkeys<Key128> keys) : keys_(keys) {}

  // `scope` names the list and its owner, such as "shares:alice". Every position comes back as it was. REQUIRES:
  // number ≤ kNumberMax.
  [[nodiscard]] std::string print(std::string_view scope, const PageMark& mark) const;
  [[nodiscard]] std::optional<PageMark> parse(std::string_view scope, std::string_view token) const;

 private:
  Subkeys<Key128> keys_;
};

}  // namespace hongbao
