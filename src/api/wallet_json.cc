#include "api/wallet_json.h"

namespace hongbao {

boost::json::object wallet_json(const UserId& user, const Account& account) {
  return {{"user_id", user.text()}, {"balance", account.balance().fen()}, {"frozen", account.frozen}};
}

}  // namespace hongbao
