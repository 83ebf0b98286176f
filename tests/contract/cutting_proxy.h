// A proxy before MariaDB that breaks one connection at its next COMMIT, in one of three ways. Connections made later
// pass unharmed.
//
// Threads: any.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "adapters/mariadb/database.h"

namespace hongbao {

class CuttingProxy {
 public:
  enum class Cut : uint8_t {
    kNone,
    kBeforeCommit,  // the server never gets it
    kAfterCommit,   // the server executed it, and the answer is lost
    kLateCommit,    // the client's connection is gone, and the server gets it kLate later
  };
  static constexpr std::chrono::milliseconds kLate{300};

  explicit CuttingProxy(mariadb::Server server);
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;
  ~CuttingProxy();

  // The server, by way of this proxy.
  [[nodiscard]] mariadb::Server server() const;
  void cut_next_commit(Cut cut) { next_cut_ = cut; }

 private:
  void accept_loop();
  void pass(int client, int server);

  const mariadb::Server server_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<Cut> next_cut_ = Cut::kNone;
  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> connections_;
  std::thread acceptor_;
};

// For INSTANTIATE_TEST_SUITE_P.
inline std::string cut_name(const testing::TestParamInfo<CuttingProxy::Cut>& cut) {
  switch (cut.param) {
    case CuttingProxy::Cut::kNone:
      return "none";
    case CuttingProxy::Cut::kBeforeCommit:
      return "before";
    case CuttingProxy::Cut::kAfterCommit:
      return "after";
    case CuttingProxy::Cut::kLateCommit:
      return "late";
  }
  return "unknown";
}

}  // namespace hongbao
