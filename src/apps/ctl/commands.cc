#include "apps/ctl/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <numeric>
#include <vector>

#include "api/auth.h"
#include "base/clock.h"
#include "core/ids.h"
#include "net/listen.h"

namespace hongbao {
namespace {

namespace json = boost::json;

Result<std::string> secret(ConfigReader& reader, const std::string& key) {
  const std::string path = reader.path(key, "");
  return path.empty() ? fail(ErrorCode::kConfig, "is missing: set it in the file or the environment", key)
                      : read_secret_file(path, key);
}

// Who signs here: the token secret, or in a deployment without one the secrets of the key set.
Result<AuthOptions> token_signer(OpenedConfig& config) {
  const AuthOptions& auth = config.settings.auth;
  AuthOptions signer{.issuer = auth.issuer, .audience = auth.audience};
  if (!auth.jwks.empty() && config.reader.path("auth.jwt_secret_file", "").empty()) {
    if (std::ranges::find(auth.jwks, TokenAlgorithm::kHs256, &TokenKey::algorithm) == auth.jwks.end()) {
      return fail(ErrorCode::kConfig, "holds no secret, and public keys sign nothing", "auth.jwks_file");
    }
    signer.jwks = auth.jwks;
    return signer;
  }
  auto jwt_secret = secret(config.reader, "auth.jwt_secret_file");
  if (!jwt_secret) {
    return std::unexpected(jwt_secret.error());
  }
  signer.secrets = {std::move(*jwt_secret)};
  return signer;
}

// Where a listener is reached from its own machine, or what `url` says instead.
Result<HttpAddress> address_of(const std::string& url, const char* option, const std::string& listen, const char* key) {
  if (!url.empty()) {
    return parse_http_url(url);
  }
  const auto endpoint = parse_endpoint(listen);
  if (!endpoint) {
    return fail(ErrorCode::kConfig, fmt::format("is \"{}\": give an address and a port such as 127.0.0.1:8080", listen),
                key);
  }
  if (endpoint->port() == 0) {
    return fail(ErrorCode::kConfig, fmt::format("has port 0, which is any that was free: give {}", option), key);
  }
  auto address = endpoint->address();
  if (address.is_unspecified()) {  // all addresses of the machine
    using namespace boost::asio::ip;
    address = address.is_v6() ? boost::asio::ip::address(address_v6::loopback())
                              : boost::asio::ip::address(address_v4::loopback());
  }
  return HttpAddress{.host = address.to_string(), .port = endpoint->port()};
}

std::string cell(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : value.is_null() ? "-" : json::serialize(value);
}

using Table = std::vector<std::vector<std::string>>;

std::vector<size_t> column_widths(const Table& table) {
  std::vector<size_t> widths(table.front().size());
  for (const auto& line : table) {
    for (size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], line[i].size());
    }
  }
  return widths;
}

Table transposed(const Table& table) {
  Table turned(table.front().size());
  for (const auto& line : table) {
    for (size_t i = 0; i < line.size(); ++i) {
      turned[i].push_back(line[i]);
    }
  }
  return turned;
}

// A list of objects with the same keys: a line each, or a column each when lines would be too long for a terminal.
void print_table(const json::array& rows, const std::string& indent) {
  constexpr size_t kWidthMax = 110;
  constexpr size_t kGap = 2;
  Table table(1);
  for (const auto& column : rows.front().as_object()) {
    table[0].emplace_back(column.key());
  }
  for (const json::value& row : rows) {
    std::vector<std::string> line;
    for (const std::string& key : table[0]) {
      const json::value* found = row.as_object().if_contains(key);
      line.push_back(found != nullptr ? cell(*found) : "");
    }
    table.push_back(std::move(line));
  }
  auto widths = column_widths(table);
  if (std::accumulate(widths.begin(), widths.end(), widths.size() * kGap) > kWidthMax) {
    table = transposed(table);
    widths = column_widths(table);
  }
  for (const auto& line : table) {
    fmt::print("{}", indent);
    for (size_t i = 0; i < line.size(); ++i) {
      fmt::print("{:<{}}", line[i], i + 1 < line.size() ? widths[i] + kGap : 0);
    }
    fmt::print("\n");
  }
}

void print_object(const json::object& object, const std::string& indent) {
  size_t width = 0;
  for (const auto& entry : object) {
    width = std::max(width, entry.key().size());
  }
  for (const auto& entry : object) {
    const json::value& value = entry.value();
    const std::string_view key = entry.key();
    if (value.is_object()) {
      fmt::print("{}{}\n", indent, key);
      print_object(value.get_object(), indent + "  ");
    } else if (value.is_array() && !value.get_array().empty() && value.get_array().front().is_object()) {
      fmt::print("{}{}\n", indent, key);
      print_table(value.get_array(), indent + "  ");
    } else if (value.is_array() && !value.get_array().empty()) {
      fmt::print("{}{}\n", indent, key);
      for (const json::value& item : value.get_array()) {
        fmt::print("{}  {}\n", indent, cell(item));
      }
    } else {
      fmt::print("{}{:<{}}  {}\n", indent, key, width, cell(value));
    }
  }
}

}  // namespace

Result<OpenedConfig> open_config(const std::string& path) {
  if (path.empty()) {
    return fail(ErrorCode::kConfig, "is needed: give the server's TOML file", "--config");
  }
  auto reader = ConfigReader::load(path, {});
  if (!reader) {
    return std::unexpected(reader.error());
  }
  ConfigReader all = *reader;
  Settings settings = read_some_settings(all);  // an operator need not be able to read every secret
  if (auto known = all.check_names(); !known) {
    return std::unexpected(known.error());
  }
  return OpenedConfig{std::move(*reader), std::move(settings)};
}

Result<ServerAccess> admin_access(const CtlOptions& options) {
  auto config = open_config(options.config);
  if (!config) {
    return std::unexpected(config.error());
  }
  const auto address = address_of(options.admin_url, "--admin-url", config->settings.admin_listen, "admin.listen");
  if (!address) {
    return std::unexpected(address.error());
  }
  const auto token = secret(config->reader, "admin.token_file");
  return token ? Result<ServerAccess>({*address, *token}) : std::unexpected(token.error());
}

Result<std::string> user_token(const CtlOptions& options, const std::string& user,
                               const std::vector<std::string>& groups, int64_t ttl_s) {
  auto config = open_config(options.config);
  if (!config) {
    return std::unexpected(config.error());
  }
  const auto signer = token_signer(*config);
  if (!signer) {
    return std::unexpected(signer.error());
  }
  const auto id = UserId::parse(user);
  if (!id) {
    return fail(ErrorCode::kInvalidField, "must be 1 to 64 of A-Z a-z 0-9 . _ @ -", "--user");
  }
  std::vector<GroupId> named;
  for (const std::string& group : groups) {
    const auto name = GroupId::parse(group);
    if (!name) {
      return fail(ErrorCode::kInvalidField, "must be 1 to 64 of A-Z a-z 0-9 . _ @ -", "--group");
    }
    named.push_back(*name);
  }
  const std::chrono::seconds ttl(ttl_s);
  if (ttl > config->settings.auth.lifetime_max) {
    return fail(
        ErrorCode::kInvalidField,
        fmt::format("must be at most {} (auth.token_lifetime_max_s)", config->settings.auth.lifetime_max.count()),
        "--ttl-s");
  }
  const Timestamp now = SystemClock().now();
  return make_token(*signer, *id, now, now + ttl, named);
}

Result<ServerAccess> public_access(const CtlOptions& options, const std::string& user,
                                   const std::vector<std::string>& groups) {
  constexpr int64_t kTokenTtl_s = 600;
  const auto token = user_token(options, user, groups, kTokenTtl_s);
  const auto config = open_config(options.config);
  if (!token || !config) {
    return std::unexpected(token ? config.error() : token.error());
  }
  const auto address = address_of(options.url, "--url", config->settings.public_listen, "server.listen");
  return address ? Result<ServerAccess>({*address, *token}) : std::unexpected(address.error());
}

void print_body(const json::value& body, bool as_json) {
  if (as_json || !body.is_object()) {
    fmt::print("{}\n", json::serialize(body));
  } else {
    print_object(body.get_object(), "");
  }
}

}  // namespace hongbao
