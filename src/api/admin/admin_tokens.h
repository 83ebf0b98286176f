// Who may ask the admin API for what: tokens with a name and a role, in one file that holds a hash of each.
//
// A token is 256 random bits, so a plain hash is enough: there is nothing to guess it from, and a slow hash would only
// slow every call. Its file is made and changed by `hongbaoctl admin-token`; what is in it:
//
//   # hongbao admin tokens: name, role, BLAKE2b-256 of the token, when it was added
//   alice operator 9b1f…(64 hexadecimal digits) 2026-11-28T02:00:00.000Z
//
// The first line is always there, so that a file that was emptied or is another's is noticed.
//
// AdminTokens is what a server knows of it. `find`: any thread. `load`, `look_again`: the owner, one thread at a time.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/file_watch.h"
#include "base/metrics.h"
#include "base/result.h"

namespace hongbao {

// Each may do what those before it may.
enum class AdminRole : uint8_t {
  kViewer,    // see how nodes, shards, days and switches stand, and metrics; no money of persons
  kAuditor,   // see everything: wallets, the audit, the journal
  kOperator,  // change things
};
std::string_view to_text(AdminRole role);
std::optional<AdminRole> parse_admin_role(std::string_view name);

struct AdminToken {
  std::string name;  // as a user's: 1 to 64 of A-Z a-z 0-9 . _ @ -
  AdminRole role = AdminRole::kViewer;
  Hash256 hash{};
  std::string added_at;
};

inline constexpr size_t kAdminTokensMax = 1'000;

// A new one; only its hash is ever stored.
std::string new_admin_token();
Hash256 hash_of_admin_token(std::string_view token);

// kConfig, in words that follow the file's name.
Result<std::vector<AdminToken>> parse_admin_tokens(std::string_view text);
std::string print_admin_tokens(const std::vector<AdminToken>& tokens);
Result<std::vector<AdminToken>> read_admin_tokens(const std::string& path);

// Whose token a call has.
struct AdminCaller {
  std::string name;
  AdminRole role = AdminRole::kViewer;
};

class AdminTokens {
 public:
  // It knows no token before `load`. `registry` outlives it.
  AdminTokens(std::string path, prometheus::Registry& registry);

  Result<void> load();
  // Reads the file again when it is another, or could not be used. One that can't be used changes nothing: the tokens
  // that were good stay so, which the log and a metric tell until it can.
  void look_again();

  // In a time that tells nothing of the token; nullopt: it is nobody's.
  [[nodiscard]] std::optional<AdminCaller> find(std::string_view token) const;

 private:
  using Tokens = std::shared_ptr<const std::vector<AdminToken>>;
  [[nodiscard]] Tokens tokens() const;
  void set(std::vector<AdminToken> tokens);

  const std::string path_;
  FileWatch watch_;
  prometheus::Gauge& unreadable_;
  mutable std::mutex mutex_;
  Tokens tokens_;  // guarded by mutex_
};

}  // namespace hongbao
