// One call that changes something, as log and journal tell it: who, from where, what. Values; any thread.
#pragma once

#include <string>

#include "api/admin/admin_tokens.h"
#include "net/http/request.h"
#include "net/http/router.h"

namespace hongbao {

struct AdminChange {
  std::string token;  // its name
  AdminRole role = AdminRole::kOperator;
  std::string from;  // the address that the call came from
  std::string call;  // "POST /admin/v1/wallets/alice:deposit"
  std::string
      content;  // what it asked for, in kContentBytesMax at most: its body, and the key under which it is made once

  static constexpr size_t kCallBytesMax = 256;
  static constexpr size_t kContentBytesMax = 512;
};

// What is too long is cut, and followed by a hash of the whole.
AdminChange admin_change(const AdminCaller& caller, const HttpRequest& request, const Target& target);

}  // namespace hongbao
