// The master keys of a running server: read at the start, and again when their file has changed, so that a key is added
// or retired without a restart; and the day's change from one key to the next. What can't be taken leaves the keys
// before in use, and is told. A thread of its own looks, from construction to destruction.
#pragma once

#include "apps/settings.h"
#include "base/file_watch.h"
#include "base/metrics.h"
#include "core/key_ring.h"
#include "service/periodic.h"

namespace hongbao {

class MasterKeys {
 public:
  // `settings`, `clock` and `registry` outlive it.
  MasterKeys(const Settings& settings, const Clock& clock, prometheus::Registry& registry);

  [[nodiscard]] const KeyRing& ring() const { return ring_; }

 private:
  [[nodiscard]] Day today() const { return Day::of(clock_.now()); }
  void look();
  void read();
  void show();

  const std::string file_;
  const Clock& clock_;
  // Never freed: a thread of the NATS library may still read a message when everything else has ended.
  KeyRing& ring_;
  FileWatch watch_;
  prometheus::Gauge& newest_;
  prometheus::Gauge& known_;
  Periodic looks_;
};

}  // namespace hongbao
