// The JSON of answers; docs/openapi.yaml describes each. Any thread.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "core/packet_id.h"
#include "ports/inbox_store.h"
#include "ports/ledger_store.h"
#include "service/opening.h"
#include "service/viewing.h"

namespace hongbao {

boost::json::object packet_json(const PacketView& view);
boost::json::object packet_json(const PreOrder& pre_order, const std::string& id);

// Written by hand, because they are most of the traffic.
std::string grab_json(const GrabAnswer& answer);
std::string open_json(const OpenAnswer& answer);

boost::json::object shares_json(const SharesPage& page);
boost::json::object sent_json(const std::vector<SentEntry>& entries, const PacketIdCodec& ids);
boost::json::object received_json(const std::vector<ReceivedEntry>& entries, const PacketIdCodec& ids);
boost::json::object summary_json(int year, const YearSummary& summary);
boost::json::object transfers_json(const std::vector<WalletTransfer>& transfers, const UserId& user,
                                   const PacketIdCodec& ids);

}  // namespace hongbao
