// The file with the keys of users' tokens (api/jwks.h), read again when it has changed, so that keys come and go
// without a restart. A file that breaks a rule changes nothing: the keys that were read last stay good. `look`: one
// thread, not one that serves.
#pragma once

#include <prometheus/registry.h>

#include <chrono>
#include <string>

#include "api/auth.h"
#include "base/file_watch.h"

namespace hongbao {

class TokenKeyFile {
 public:
  // How often it should be looked at: a key that is taken out is good for so long.
  static constexpr std::chrono::milliseconds kLookEvery{1'000};

  // Both outlive it.
  TokenKeyFile(std::string path, Authenticator& authenticator, prometheus::Registry& registry);

  // Reads the file if it is another than at the last look.
  void look();

 private:
  bool read();

  const std::string path_;
  Authenticator& authenticator_;
  prometheus::Gauge& keys_;
  prometheus::Counter& changes_;
  prometheus::Counter& refusals_;
  FileWatch watch_;
};

}  // namespace hongbao
