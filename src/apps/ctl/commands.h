// What the commands of hongbaoctl share: where the server is, the secrets, and how to print.
#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "apps/ctl/client.h"
#include "apps/settings.h"
#include "base/config.h"
#include "base/result.h"

namespace hongbao {

struct CtlOptions {
  std::string config;     // the server's TOML file, for addresses and secrets
  std::string url;        // overrides server.listen
  std::string admin_url;  // overrides admin.listen
  bool json = false;
};

struct OpenedConfig {
  ConfigReader reader;
  Settings settings;  // as far as they could be read
};

// The server's file and the environment, with all names known: as the server takes them, though only some are needed.
Result<OpenedConfig> open_config(const std::string& path);

// Addresses and secrets, from the options and the configuration.
Result<ServerAccess> admin_access(const CtlOptions& options);
// `groups`: that the token shall name.
Result<ServerAccess> public_access(const CtlOptions& options, const std::string& user,
                                   const std::vector<std::string>& groups);
Result<std::string> user_token(const CtlOptions& options, const std::string& user,
                               const std::vector<std::string>& groups, int64_t ttl_s);

// Prints JSON as it is, or as an indented outline and tables for people.
void print_body(const boost::json::value& body, bool json);

}  // namespace hongbao
