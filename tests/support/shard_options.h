// What a shard of a test has that does not ask for anything else. The server's are in its settings.
#pragma once

#include <chrono>

#include "shard/shard.h"

namespace hongbao {

inline ShardOptions test_shard_options() {
  return {.engine = {.packet_ttl = std::chrono::hours(24), .resident_bytes_max = 512UL << 20},
          .mailbox_commands_max = 16'384,
          .batch_commands_max = 1'024,
          .opens_in_flight_max = 4'096,
          .owner = "hongbaod"};
}

}  // namespace hongbao
