#include "support/memory_membership.h"

namespace hongbao {

Result<std::vector<Member>> MemoryMembership::beat(const Member& self, uint64_t incarnation,
                                                   std::chrono::milliseconds lease) {
  const std::scoped_lock lock(mutex_);
  Entry& entry = entries_[self.node];
  if (entry.incarnation > incarnation && clock_.now() < entry.lease_until) {
    return fail(ErrorCode::kFenced, "a later process has the name " + self.node);
  }
  entry = {self, incarnation, clock_.now() + lease};
  return alive();
}

Result<std::vector<Member>> MemoryMembership::members() {
  const std::scoped_lock lock(mutex_);
  return alive();
}

Result<std::vector<KnownMember>> MemoryMembership::known(std::chrono::milliseconds memory) {
  const std::scoped_lock lock(mutex_);
  std::vector<KnownMember> known;
  for (const auto& [name, entry] : entries_) {
    const auto lease_left = entry.lease_until - clock_.now();
    if (entry.lease_until != Timestamp() && lease_left > -memory) {
      known.push_back({entry.member, lease_left});
    }
  }
  return known;
}

Result<void> MemoryMembership::leave(std::string_view node, uint64_t incarnation) {
  const std::scoped_lock lock(mutex_);
  const auto entry = entries_.find(node);
  if (entry != entries_.end() && entry->second.incarnation == incarnation) {
    entry->second.lease_until = Timestamp();
  }
  return {};
}

std::vector<Member> MemoryMembership::alive() const {
  std::vector<Member> members;
  for (const auto& [name, entry] : entries_) {
    if (clock_.now() < entry.lease_until) {
      members.push_back(entry.member);
    }
  }
  return members;
}

}  // namespace hongbao
