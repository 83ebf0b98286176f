// What a server does again and again, each on a thread of its own: who is frozen, refunds, reconciliation, audits,
// archiving. The owner's thread; `archive_now`: any.
#pragma once

#include "apps/settings.h"
#include "service/periodic.h"
#include "service/use_cases.h"

namespace hongbao {

class Schedule {
 public:
  // All outlive it.
  Schedule(UseCases& use_cases, const ShardSet& shards, const Settings& settings, prometheus::Registry& registry);

  void start();
  // Returns after the runs that are under way.
  void stop();

  void archive_now() { archiving_.run_now(); }

 private:
  void refund();
  void measure_lag();
  void reconcile();
  void run_audit();

  UseCases& use_cases_;
  const ShardSet& shards_;
  prometheus::Gauge& audit_difference_;
  prometheus::Gauge& settlement_lag_;
  Periodic frozen_accounts_;
  Periodic refunds_;
  Periodic reconciliation_;
  Periodic auditing_;
  Periodic archiving_;
};

}  // namespace hongbao
