// The rules that a packet's rows must keep among themselves (ports/order_store.h, `violations`). Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/packet.h"
#include "core/voucher.h"

namespace hongbao {

// The first rule that is broken. The rows come from a file that anyone may have damaged: nothing is assumed of them.
std::optional<std::string> broken_rule(const Order& order, PacketState state, const std::vector<Voucher>& vouchers);

}  // namespace hongbao
