// The JSON of a wallet, for its owner and for operators; docs/openapi.yaml describes it. Any thread.
#pragma once

#include <boost/json/object.hpp>

#include "core/ids.h"
#include "ports/ledger_store.h"

namespace hongbao {

boost::json::object wallet_json(const UserId& user, const Account& account);

}  // namespace hongbao
