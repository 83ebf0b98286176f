#include "apps/ctl/admin_token.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <system_error>
#include <utility>

#include "base/clock.h"

namespace hongbao {
namespace {

constexpr const char* kTokensFile = "admin.tokens_file";
constexpr const char* kFirstName = "first-operator";

std::unexpected<Error> refuse_tokens(std::string detail) {
  return fail(ErrorCode::kConfig, std::move(detail), kTokensFile);
}

std::unexpected<Error> refuse_write(const std::string& path) {
  return refuse_tokens(
      fmt::format("names {}, which cannot be written: {}", path, std::generic_category().message(errno)));
}

Result<std::string> tokens_path(const CtlOptions& options) {
  const auto config = open_config(options.config);
  if (!config) {
    return std::unexpected(config.error());
  }
  const std::string& path = config->settings.admin_tokens_file;
  return path.empty() ? refuse_tokens("is missing: set it in the file or the environment") : Result<std::string>(path);
}

Result<std::vector<AdminToken>> read_tokens(const std::string& path) {
  auto tokens = read_admin_tokens(path);
  return tokens ? std::move(tokens) : refuse_tokens(fmt::format("names {}, which {}", path, tokens.error().detail));
}

// The file's next content, which takes its place whole. While one is being made nobody else makes one.
class NextFile {
 public:
  explicit NextFile(const std::string& path) : path_(path), next_(path + ".new") {}
  NextFile(const NextFile&) = delete;
  NextFile& operator=(const NextFile&) = delete;
  ~NextFile() {
    if (file_ >= 0) {
      ::close(file_);
      ::unlink(next_.c_str());
    }
  }

  Result<void> begin() {
    file_ = ::open(next_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (file_ < 0 && errno == EEXIST) {
      return refuse_tokens(fmt::format("is being changed by another hongbaoctl; if there is none, remove {}", next_));
    }
    return file_ < 0 ? refuse_write(next_) : Result<void>();
  }

  // REQUIRES: begun.
  Result<void> put(const std::string& text) {
    struct stat old{};
    // Whoever may read the old one may read the new one: the server may be another user.
    const bool had_owner = ::stat(path_.c_str(), &old) == 0;
    const bool written =
        (!had_owner ||
         (::fchown(file_, old.st_uid, old.st_gid) == 0 && ::fchmod(file_, old.st_mode & (S_IRWXU | S_IRWXG)) == 0)) &&
        ::write(file_, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file_) == 0;
    if (!written || ::rename(next_.c_str(), path_.c_str()) != 0) {
      return refuse_write(next_);
    }
    ::close(std::exchange(file_, -1));
    return {};
  }

 private:
  const std::string path_;
  const std::string next_;
  int file_ = -1;
};

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
    return std::unexpected(begun.error());
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
    return std::unexpected(put.error());
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
    return begun;
  }
  auto tokens = read_tokens(*path);
  if (!tokens) {
    return std::unexpected(tokens.error());
  }
  if (std::erase_if(*tokens, [&](const AdminToken& each) { return each.name == name; }) == 0) {
    return fail(ErrorCode::kConfig, fmt::format("\"{}\" has no token", name), "--name");
  }
  return next.put(print_admin_tokens(*tokens));
}

}  // namespace hongbao
