// The JSON of what an audit and a reconciliation found; docs/openapi.yaml describes it. Any thread.
#pragma once

#include <boost/json/object.hpp>

#include "core/packet_id.h"
#include "service/audit.h"
#include "service/reconciler.h"

namespace hongbao {

boost::json::object audit_json(const AuditReport& report, const PacketIdCodec& ids);
boost::json::object reconciliation_json(const ReconciliationReport& report);

}  // namespace hongbao
