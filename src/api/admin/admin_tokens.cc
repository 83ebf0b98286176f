#include "api/admin/admin_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/input_file.h"
#include "base/log.h"
#include "base/log_rate.h"
#include "core/ids.h"

namespace hongbao {
namespace {

constexpr std::string_view kTokensHead =
    "# hongbao admin tokens: name, role, BLAKE2b-256 of the token, when it was added";
constexpr size_t kTokensFileBytesMax = 1UL << 20;
constexpr std::string_view kRoleNames[] = {"viewer", "auditor", "operator"};

std::unexpected<Error> bad_line(size_t number, std::string_view why) {
  return fail(ErrorCode::kConfig, fmt::format("is no file of admin tokens: line {} {}", number, why));
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

Result<AdminToken> parse_line(std::string_view line, size_t number) {
  const auto parts = split(line, ' ');
  if (parts.size() != 4) {
    return bad_line(number, "is not: name, role, hash, time");
  }
  AdminToken token{.name = std::string(parts[0]), .added_at = std::string(parts[3])};
  const auto role = parse_admin_role(parts[1]);
  const auto hash = from_hex(parts[2]);
  if (!UserId::parse(token.name)) {  // the same characters
    return bad_line(number, "begins with no name");
  }
  if (!role) {
    return bad_line(number, "has a role that is not viewer, auditor or operator");
  }
  if (!hash || hash->size() != token.hash.size()) {
    return bad_line(number, "has a hash that is not 64 hexadecimal digits");
  }
  token.role = *role;
  std::ranges::copy(as_bytes(*hash), token.hash.begin());
  return token;
}

}  // namespace

std::string_view to_text(AdminRole role) {
  return kRoleNames[static_cast<size_t>(role)];
}

std::optional<AdminRole> parse_admin_role(std::string_view name) {
  const auto* const found = std::ranges::find(kRoleNames, name);
  return found == std::end(kRoleNames) ? std::nullopt
                                       : std::optional(static_cast<AdminRole>(found - std::begin(kRoleNames)));
}

std::string new_admin_token() {
  Key256 bytes;
  random_bytes(bytes);
  return to_hex(bytes);
}

Hash256 hash_of_admin_token(std::string_view token) {
  return blake2b(as_bytes(token));
}

Result<std::vector<AdminToken>> parse_admin_tokens(std::string_view text) {
  if (!text.ends_with('\n')) {
    return fail(ErrorCode::kConfig, "is no file of admin tokens, or not whole: its last line has no end");
  }
  text.remove_suffix(1);
  const auto lines = split(text, '\n');
  if (lines.front() != kTokensHead) {
    return bad_line(1, "is not the one that such a file begins with");
  }
  std::vector<AdminToken> tokens;
  for (size_t i = 1; i < lines.size(); ++i) {
    auto token = parse_line(lines[i], i + 1);
    if (!token) {
      return std::unexpected(token.error());
    }
    if (std::ranges::find(tokens, token->name, &AdminToken::name) != tokens.end()) {
      return bad_line(i + 1, "has a name that was there before");
    }
    tokens.push_back(std::move(*token));
  }
  if (tokens.size() > kAdminTokensMax) {
    return fail(ErrorCode::kConfig, fmt::format("has more than {} admin tokens", kAdminTokensMax));
  }
  return tokens;
}

std::string print_admin_tokens(const std::vector<AdminToken>& tokens) {
  std::string text(kTokensHead);
  text += '\n';
  for (const auto& [name, role, hash, added_at] : tokens) {
    fmt::format_to(std::back_inserter(text), "{} {} {} {}\n", name, to_text(role), to_hex(hash), added_at);
  }
  return text;
}

Result<std::vector<AdminToken>> read_admin_tokens(const std::string& path) {
  const auto text = read_input_file(path, kTokensFileBytesMax);
  if (!text) {
    return std::unexpected(text.error());
  }
  const auto is_private = check_private_file(path);
  return is_private ? parse_admin_tokens(*text) : std::unexpected(is_private.error());
}

AdminTokens::AdminTokens(std::string path, prometheus::Registry& registry)
    : path_(std::move(path)),
      watch_({path_}),
      unreadable_(add_gauge(registry, "hongbao_admin_tokens_unreadable",
                            "1 while admin.tokens_file can't be used, and the tokens of before stay good.")),
      tokens_(std::make_shared<std::vector<AdminToken>>()) {}

Result<void> AdminTokens::load() {
  auto read = read_admin_tokens(path_);
  if (!read) {
    return std::unexpected(read.error());
  }
  set(std::move(*read));
  return {};
}

void AdminTokens::look_again() {
  if (!watch_.is_to_be_read()) {
    return;
  }
  auto read = read_admin_tokens(path_);
  (void)watch_.was_read(read.has_value());
  unreadable_.Set(read ? 0 : 1);
  if (!read) {
    if (const auto left_out = log_turn("admin_tokens_unreadable")) {
      log_error("admin_tokens_unreadable",
                {{"file", path_}, {"error", read.error().detail}, {"suppressed", *left_out}});
    }
    return;
  }
  const Tokens known = tokens();
  if (print_admin_tokens(*read) != print_admin_tokens(*known)) {
    log_info("admin_tokens_changed", {{"before", known->size()}, {"now", read->size()}});
    set(std::move(*read));
  }
}

std::optional<AdminCaller> AdminTokens::find(std::string_view token) const {
  const Hash256 hash = hash_of_admin_token(token);
  const Tokens known = tokens();
  const AdminToken* found = nullptr;
  for (const AdminToken& each : *known) {  // all of them, wherever it is
    if (equal_constant_time(each.hash, hash)) {
      found = &each;
    }
  }
  return found == nullptr ? std::nullopt : std::optional(AdminCaller{found->name, found->role});
}

AdminTokens::Tokens AdminTokens::tokens() const {
  const std::lock_guard lock(mutex_);
  return tokens_;
}

void AdminTokens::set(std::vector<AdminToken> tokens) {
  auto made = std::make_shared<const std::vector<AdminToken>>(std::move(tokens));
  const std::lock_guard lock(mutex_);
  tokens_ = std::move(made);
}

}  // namespace hongbao
