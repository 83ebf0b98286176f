// A membership in memory, for tests and simulation: one object that several nodes share, as they would a database. Its
// clock is the one it is given.
//
// Threads: any, by one mutex.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "ports/membership.h"

namespace hongbao {

class MemoryMembership final : public Membership {
 public:
  // `clock` outlives the membership.
  explicit MemoryMembership(const Clock& clock = system_clock()) : clock_(clock) {}

  Result<std::vector<Member>> beat(const Member& self, uint64_t incarnation, std::chrono::milliseconds lease) override;
  Result<std::vector<Member>> members() override;
  Result<std::vector<KnownMember>> known(std::chrono::milliseconds memory) override;
  Result<void> leave(std::string_view node, uint64_t incarnation) override;

 private:
  struct Entry {
    Member member;
    uint64_t incarnation = 0;
    Timestamp lease_until;
  };
  [[nodiscard]] std::vector<Member> alive() const;

  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;  // by name
};

}  // namespace hongbao
