#include "apps/ctl/admin_token.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "apps/ctl/replaced_file.h"
#include "base/clock.h"

namespace hongbao {
namespace {

constexpr const char* kTokensFile = "admin.tokens_file";
constexpr const char* kFirstName = "first-operator";

std::unexpected<Error> refuse_tokens(std::string detail) {
  return fail(ErrorCode::kConfig, std::move(detail), kTokensFile);
}

Result<std::string> tokens_path(const CtlOptions& options) {
  const auto config = open_config(options.config);
  if (!config) {
    return std::unexpected(config.error());
  }
  const std::string& path = config->settings.admin_tokens_file;
  return path.empty() ? refuse_tokens("is missing: set it in the file or the environment") : Result<std::string>(path);
}

// `error` follows the file's name.
std::unexpected<Error> refuse_file(const std::string& path, const Error& error) {
  return refuse_tokens(fmt::format("names {}, which {}", path, error.detail));
}

Result<std::vector<AdminToken>> read_tokens(const std::string& path) {
  auto tokens = read_admin_tokens(path);
  return tokens ? std::move(tokens) : refuse_file(path, tokens.error());
}

AdminToken made(const std::string& name, AdminRole role, const std::string& token) {
  return {name, role, hash_of_admin_token(token), to_rfc3339(SystemClock().now())};
}

}  // namespace

std::string first_admin_tokens(const std::string& token) {
  return print_admin_tokens({made(kFirstName, AdminRole::kOperator, token)});
}

Result<std::string> add_admin_token(const CtlOptions& options, const std::string& name, AdminRole role) {
  const auto path = tokens_path(options);
  if (!path) {
    return std::unexpected(path.error());
  }
  NextFile next(*path);
  if (auto begun = next.begin(); !begun) {
    return refuse_file(*path, begun.error());
  }
  std::vector<AdminToken> tokens;
  if (::access(path->c_str(), F_OK) == 0) {
    auto read = read_tokens(*path);
    if (!read) {
      return std::unexpected(read.error());
    }
    tokens = std::move(*read);
  }
  if (std::ranges::any_of(tokens, [&](const AdminToken& each) { return each.name == name; })) {
    return fail(ErrorCode::kConfig,
                fmt::format("\"{}\" has a token already: revoke it first, or take another name", name), "--name");
  }
  if (tokens.size() >= kAdminTokensMax) {
    return refuse_tokens(fmt::format("has {} tokens, and can't have more", kAdminTokensMax));
  }
  std::string token = new_admin_token();
  tokens.push_back(made(name, role, token));
  if (auto put = next.put(print_admin_tokens(tokens)); !put) {
    return refuse_file(*path, put.error());
  }
  return token;
}

Result<std::vector<AdminToken>> list_admin_tokens(const CtlOptions& options) {
  const auto path = tokens_path(options);
  return path ? read_tokens(*path) : std::unexpected(path.error());
}

Result<void> revoke_admin_token(const CtlOptions& options, const std::string& name) {
  const auto path = tokens_path(options);
  if (!path) {
    return std::unexpected(path.error());
  }
  NextFile next(*path);
  if (auto begun = next.begin(); !begun) {
    return refuse_file(*path, begun.error());
  }
  auto tokens = read_tokens(*path);
  if (!tokens) {
    return std::unexpected(tokens.error());
  }
  if (std::erase_if(*tokens, [&](const AdminToken& each) { return each.name == name; }) == 0) {
    return fail(ErrorCode::kConfig, fmt::format("\"{}\" has no token", name), "--name");
  }
  auto put = next.put(print_admin_tokens(*tokens));
  return put ? put : refuse_file(*path, put.error());
}

}  // namespace hongbao
