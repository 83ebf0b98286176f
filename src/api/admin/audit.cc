// The part of the admin API that proves the money, and mends what is left between payments and packets.
#include <boost/json/serialize.hpp>

#include "api/admin/admin_api.h"
#include "api/admin/audit_json.h"
#include "api/json_input.h"
#include "service/blocking.h"

namespace hongbao {
void AdminApi::audit(const RoutedRequest& in, ApiCall call) {
  bool deep = false;
  for (const auto& [key, value] : in.target.query) {
    if (value != "true" && value != "false") {
      call.fail_with({ErrorCode::kInvalidField, "must be deep=true or deep=false", key});
      return;
    }
    deep = value == "true";
  }
  read_on<AuditReport>(
      services_.workers, [this, deep] { return services_.audit.run(deep); },
      [this, call = std::move(call)](Result<AuditReport> report) mutable {
        if (!report) {
          call.fail_with(report.error());
          return;
        }
        // An audit that doesn't hold must not look like a success to any script.
        call.send_json(report->balanced() ? http::status::ok : http::status::internal_server_error,
                       boost::json::serialize(audit_json(*report, services_.ids)));
      });
}

void AdminApi::reconciliation(const RoutedRequest&, ApiCall call) {
  call.send_json(http::status::ok, boost::json::serialize(reconciliation_json(services_.reconciler.last_report())));
}

void AdminApi::reconcile(const RoutedRequest& in, ApiCall call) {
  if (const auto finished = JsonInput(in.request.body()).finish(); !finished) {
    call.fail_with(finished.error());
    return;
  }
  read_on<ReconciliationReport>(
      services_.workers,
      [this] {
        return ask<ReconciliationReport>([&](auto done) { services_.reconciler.step(std::move(done)); }).get();
      },
      [call = std::move(call)](Result<ReconciliationReport> report) mutable {
        if (report) {
          call.send_json(http::status::ok, boost::json::serialize(reconciliation_json(*report)));
        } else {
          call.fail_with(report.error());
        }
      });
}

}  // namespace hongbao
