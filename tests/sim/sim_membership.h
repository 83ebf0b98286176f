// Which nodes live, as one order server has it: away when its orders are, and at times it does not say. One thread.
#pragma once

#include "sim/environment.h"
#include "support/memory_membership.h"

namespace hongbao::sim {

class SimMembership final : public Membership {
 public:
  // `outage`: of the server.
  SimMembership(Environment& env, Outage& outage) : env_(env), outage_(outage), memory_(env.database_clock) {}

  Result<std::vector<Member>> beat(const Member& self, uint64_t incarnation, std::chrono::milliseconds lease) override {
    if (outage_.refuses()) {
      return refused();
    }
    env_.meanwhile(Moment::kCall);
    const bool unknown = env_.faults.strikes(Fault::kBeatUnknown);
    if (unknown && env_.dice.one_in(2)) {
      return refused();
    }
    auto members = memory_.beat(self, incarnation, lease);
    env_.meanwhile(Moment::kCall);
    return unknown ? refused() : std::move(members);
  }
  Result<std::vector<Member>> members() override { return outage_.refuses() ? refused() : memory_.members(); }
  Result<std::vector<KnownMember>> known(std::chrono::milliseconds memory) override {
    return outage_.refuses() ? refused() : memory_.known(memory);
  }
  Result<void> leave(std::string_view node, uint64_t incarnation) override {
    return outage_.refuses() ? refused() : memory_.leave(node, incarnation);
  }

 private:
  Environment& env_;
  Outage& outage_;
  MemoryMembership memory_;
};

}  // namespace hongbao::sim
