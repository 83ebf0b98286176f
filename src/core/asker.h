// Who asks: a user, where the user is at home, and the groups that the user's token names. Groups are shared, because
// every call that one token comes with has the same. Any thread.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "core/ids.h"

namespace hongbao {

class Groups {
 public:
  static constexpr size_t kMax = 1'000;  // that a token may name

  // In any order; a group may be named twice.
  explicit Groups(std::vector<GroupId> names) : sorted_(std::move(names)) {
    std::ranges::sort(sorted_);
    const auto repeated = std::ranges::unique(sorted_);
    sorted_.erase(repeated.begin(), repeated.end());
  }

  [[nodiscard]] bool has(const GroupId& group) const { return std::ranges::binary_search(sorted_, group); }
  [[nodiscard]] size_t size() const { return sorted_.size(); }

 private:
  std::vector<GroupId> sorted_;
};
using GroupsRef = std::shared_ptr<const Groups>;  // null: the token names none

struct Asker {
  UserId user;
  GroupsRef groups{};
  Region home = Region::kSouth;  // the region whose ledgers have the user's wallet

  Asker() = default;
  // A user alone asks as one who is in no group, and at home in South.
  Asker(UserId name, GroupsRef in = nullptr, Region at_home_in = Region::kSouth)
      : user(std::move(name)), groups(std::move(in)), home(at_home_in) {}

  [[nodiscard]] bool is_in(const GroupId& group) const { return groups != nullptr && groups->has(group); }
};

}  // namespace hongbao
