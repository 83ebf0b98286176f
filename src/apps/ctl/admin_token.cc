#include "apps/ctl/admin_token.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
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

// Has `edit` change what is there, and puts that in its place; nobody else does so meanwhile. `may_be_new`: the file
// need not be there.
Result<void> change_tokens(const CtlOptions& options, bool may_be_new,
                           const std::function<Result<void>(std::vector<AdminToken>& tokens)>& edit) {
  const auto path = tokens_path(options);
  if (!path) {
    return std::unexpected(path.error());
  }
  NextFile next(*path);
  if (const auto begun = next.begin(); !begun) {
    return refuse_file(*path, begun.error());
  }
  const bool is_new = may_be_new && ::access(path->c_str(), F_OK) != 0;
  auto tokens = is_new ? Result<std::vector<AdminToken>>() : read_tokens(*path);
  if (const auto edited = tokens ? edit(*tokens) : std::unexpected(tokens.error()); !edited) {
    return edited;
  }
  const auto put = next.put(print_admin_tokens(*tokens));
  return put ? put : refuse_file(*path, put.error());
}

AdminToken made(const std::string& name, AdminRole role, const std::string& token) {
  return {name, role, hash_of_admin_token(token), to_rfc3339(SystemClock().now())};
}

}  // namespace

std::string first_admin_tokens(const std::string& token) {
  return print_admin_tokens({made(kFirstName, AdminRole::kOperator, token)});
}

Result<std::string> add_admin_token(const CtlOptions& options, const std::string& name, AdminRole role) {
  std::string token = new_admin_token();
  const auto added = change_tokens(options, /*may_be_new=*/true, [&](std::vector<AdminToken>& tokens) -> Result<void> {
    if (std::ranges::find(tokens, name, &AdminToken::name) != tokens.end()) {
      return fail(ErrorCode::kConfig,
                  fmt::format("\"{}\" has a token already: revoke it first, or take another name", name), "--name");
    }
    if (tokens.size() >= kAdminTokensMax) {
      return refuse_tokens(fmt::format("has {} tokens, and can't have more", kAdminTokensMax));
    }
    tokens.push_back(made(name, role, token));
    return {};
  });
  return added ? Result<std::string>(std::move(token)) : std::unexpected(added.error());
}

Result<std::vector<AdminToken>> list_admin_tokens(const CtlOptions& options) {
  const auto path = tokens_path(options);
  return path ? read_tokens(*path) : std::unexpected(path.error());
}

Result<void> revoke_admin_token(const CtlOptions& options, const std::string& name) {
  return change_tokens(options, /*may_be_new=*/false, [&](std::vector<AdminToken>& tokens) -> Result<void> {
    if (std::erase_if(tokens, [&](const AdminToken& each) { return each.name == name; }) == 0) {
      return fail(ErrorCode::kConfig, fmt::format("\"{}\" has no token", name), "--name");
    }
    return {};
  });
}

}  // namespace hongbao
