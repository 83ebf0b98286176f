// What `hongbaoctl verify` is to check: from the command line, or fetched over the API.
#pragma once

#include <string>
#include <vector>

#include "apps/ctl/commands.h"
#include "apps/ctl/verify.h"

namespace hongbao {

struct VerifyOptions {
  std::string packet;
  std::string user = "auditor";
  std::vector<std::string> groups{};
  Claim claim;
  int64_t total = 0;
  std::string allocation = "classic";
  std::string shares_file;
};

// kInvalidField for options or a file that can't be a claim; kUnavailable for a packet that is not finished.
Result<Claim> make_claim(const CtlOptions& options, VerifyOptions wanted);

}  // namespace hongbao
