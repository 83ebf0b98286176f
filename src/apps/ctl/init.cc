#include "apps/ctl/init.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "apps/ctl/admin_token.h"
#include "apps/ctl/keys.h"
#include "apps/ctl/node_certificates.h"
#include "apps/settings_table.h"
#include "base/crypto.h"

namespace hongbao {
namespace {

std::string random_hex(size_t bytes) {
  std::string random(bytes, '\0');
  random_bytes({reinterpret_cast<uint8_t*>(random.data()), random.size()});
  return to_hex(as_bytes(random));
}

std::string words(int error) {
  return std::generic_category().message(error);
}

struct NewFile {
  std::string path;
  std::string text;
  mode_t mode;
};

// Never overwrites.
Result<void> write_file(const NewFile& wanted) {
  const auto& [path, text, mode] = wanted;
  const int file = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
  if (file < 0) {
    return fail(ErrorCode::kConfig, fmt::format("cannot create {}: {}", path, words(errno)), "DIR");
  }
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  if (::close(file) == 0 && written) {
    return {};
  }
  ::unlink(path.c_str());
  return fail(ErrorCode::kConfig, fmt::format("cannot write {}: {}", path, words(written ? errno : error)), "DIR");
}

}  // namespace

Result<std::string> init_directory(const std::string& directory) {
  std::error_code error;
  std::string dir = std::filesystem::absolute(directory, error).string();
  while (dir.size() > 1 && dir.ends_with('/')) {
    dir.pop_back();
  }
  std::filesystem::create_directories(dir + "/secrets", error);
  if (error) {
    return fail(ErrorCode::kConfig, fmt::format("cannot create {}: {}", dir, error.message()), "DIR");
  }
  std::filesystem::permissions(dir + "/secrets", std::filesystem::perms::owner_all, error);
  const std::string config = dir + "/hongbao.toml";
  const std::string admin_token = new_admin_token();
  const NodeCertificates nodes = make_node_certificates();
  const std::array<NewFile, 10> files{{
      {config, settings_file(), 0644},
      {dir + "/secrets/master.keys", first_keys_file(), 0600},
      {dir + "/secrets/jwt.secret", random_hex(32) + "\n", 0600},
      {dir + "/secrets/admin.token", admin_token + "\n", 0600},
      {dir + "/secrets/admin.tokens", first_admin_tokens(admin_token), 0600},
      {dir + "/secrets/channel-demo.secret", random_hex(32) + "\n", 0600},
      {dir + "/secrets/nodes-ca.pem", nodes.authority.certificate, 0644},
      {dir + "/secrets/nodes-ca.key", nodes.authority.key, 0600},
      {dir + "/secrets/node.pem", nodes.node.certificate, 0644},
      {dir + "/secrets/node.key", nodes.node.key, 0600},
  }};
  for (size_t i = 0; i < files.size(); ++i) {
    if (auto written = write_file(files[i]); !written) {
      for (size_t made = 0; made < i; ++made) {  // all or nothing, so that it can be tried again
        ::unlink(files[made].path.c_str());
      }
      return std::unexpected(written.error());
    }
  }
  return config;
}

}  // namespace hongbao
