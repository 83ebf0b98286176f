// What balancers and supervisors ask, on a listener of its own: /healthz and /readyz, without a token, and nothing
// else, so that whoever is let in to them reaches nothing that acts or tells of money. Runs on that listener's I/O
// thread; everything comes from memory.
#pragma once

#include <chrono>

#include "api/admin/region_status.h"
#include "api/api_call.h"
#include "net/http/router.h"

namespace hongbao {

class HealthApi {
 public:
  // Both outlive it.
  HealthApi(const RegionStatus& region, prometheus::Registry& registry);

  void handle(const HttpRequest& request, Reply reply);

 private:
  using Handler = void (HealthApi::*)(ApiCall) const;
  struct Operation {
    Handler handler;
    std::unique_ptr<OperationMetrics> metrics;
  };

  void add(prometheus::Registry& registry, std::string_view path, Handler handler);
  void health(ApiCall call) const;
  void ready(ApiCall call) const;

  const RegionStatus& region_;
  Router router_;
  std::vector<Operation> operations_;
  OperationMetrics unrouted_;
};

}  // namespace hongbao
