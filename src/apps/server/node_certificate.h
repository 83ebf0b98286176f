// The node's certificate while it runs: read at the start, and again when its files have changed, so that it is renewed
// without a restart. What can't be read leaves the one before in use, and is tried until it can. `renew`: one thread.
#pragma once

#include "apps/settings.h"
#include "base/file_watch.h"
#include "base/metrics.h"
#include "net/link/peer_io.h"

namespace hongbao {

class NodeCertificate {
 public:
  // Reads the files. Errors: those of make_peer_tls.
  static Result<std::unique_ptr<NodeCertificate>> open(const Settings& settings, const Clock& clock,
                                                       prometheus::Registry& registry);

  // What was read last.
  [[nodiscard]] const PeerTls& tls() const { return tls_; }
  // Has `io` use what the files hold, when they have changed.
  void renew(PeerIo& io);

 private:
  NodeCertificate(const Settings& settings, const Clock& clock, prometheus::Registry& registry);
  Result<void> load();
  void note_expiry() const;

  const PeerIdentityFiles files_;
  const std::string name_;
  const Clock& clock_;
  FileWatch watch_;
  prometheus::Gauge& expires_;
  PeerTls tls_;
};

}  // namespace hongbao
