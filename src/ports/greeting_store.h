// What the senders of paid packets say, kept beside the cache where the cache ends with the process. For display:
// written behind, and lost without harm.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/ids.h"

namespace hongbao {

struct KeptGreeting {
  PacketKey packet;
  std::string text;  // UTF-8
  Timestamp until;   // nobody asks for it later

  friend bool operator==(const KeptGreeting&, const KeptGreeting&) = default;
};

class GreetingStore {
 public:
  virtual ~GreetingStore() = default;

  // Returns at once. One that is kept already may come again with the same `until`. When too many wait to be written it
  // is lost.
  virtual void keep(KeptGreeting greeting) = 0;
  // Those with until > now, the last ones first.
  virtual Result<std::vector<KeptGreeting>> kept(Timestamp now, size_t greetings_max) = 0;
};

}  // namespace hongbao
