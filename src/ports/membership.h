// Which nodes live. Each says so again and again, and a node that has not for the length of its lease, by the
// database's clock, is dead. Held where the order stores are, so that a node that can't reach them doesn't count.
//
// Threads: one at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hongbao {

struct Member {
  std::string node;     // its name
  std::string address;  // where other nodes reach it
  std::string facts{};  // what must be the same on all nodes (routing/agreement.h); empty: it says nothing of that
  friend bool operator==(const Member&, const Member&) = default;
};

// A node that lives, or fell silent a while ago without having left.
struct KnownMember {
  Member member;
  std::chrono::milliseconds lease_left{0};  // negative: it has been silent for so long since its lease ended
};

class Membership {
 public:
  virtual ~Membership() = default;

  // Says that `self` lives for `lease` from now on, and returns all that live, by name. `incarnation` rises with every
  // start of a node. kFenced: a later incarnation of this node lives.
  virtual Result<std::vector<Member>> beat(const Member& self, uint64_t incarnation,
                                           std::chrono::milliseconds lease) = 0;
  // All that live, by name.
  virtual Result<std::vector<Member>> members() = 0;
  // Those as well that fell silent less than `memory` ago; by name.
  virtual Result<std::vector<KnownMember>> known(std::chrono::milliseconds memory) = 0;
  // The node is dead from now on, unless a later incarnation took its name.
  virtual Result<void> leave(std::string_view node, uint64_t incarnation) = 0;
};

}  // namespace hongbao
