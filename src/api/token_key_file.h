// The file with the keys of users' tokens (api/jwks.h), read again when it has changed, so that keys come and go
// without a restart. A file that breaks a rule changes nothing: the keys that were read last stay good. `look`: one
// thread, not one that serves.
#pragma once

#include <prometheus/registry.h>
#include <sys/stat.h>

#include <chrono>
#include <string>

#include "api/auth.h"

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
  // What of a file changes with its content or its rights.
  struct Version {
    dev_t device = 0;
    ino_t inode = 0;
    off_t bytes = 0;
    int64_t modified_ns = 0;
    int64_t changed_ns = 0;
    friend bool operator==(const Version&, const Version&) = default;
  };
  [[nodiscard]] Version version() const;
  bool read();

  const std::string path_;
  Authenticator& authenticator_;
  prometheus::Gauge& keys_;
  prometheus::Counter& changes_;
  prometheus::Counter& refusals_;
  Version read_{};           // when it was read last
  bool is_settled_ = false;  // it was good, and the same one before and after that
};

}  // namespace hongbao
