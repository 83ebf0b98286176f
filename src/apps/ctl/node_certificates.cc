#include "apps/ctl/node_certificates.h"

#include <fmt/format.h>

#include "apps/ctl/replaced_file.h"
#include "apps/node_identity.h"
#include "base/input_file.h"

namespace hongbao {
namespace {

constexpr std::chrono::days kAuthorityLifetime{3'650};
constexpr std::chrono::days kNodeLifetime{730};
constexpr std::string_view kAuthorityName = "Hongbao's nodes";
constexpr std::string_view kFirstNode = "node";  // the default of node.name
constexpr size_t kPemBytesMax = 1 << 20;
constexpr std::string_view kEndOfCertificate = "-----END CERTIFICATE-----\n";
constexpr mode_t kForAll = 0644;
constexpr mode_t kForOwner = 0600;

std::string in_secrets(const std::string& directory, std::string_view name) {
  return fmt::format("{}/secrets/{}", directory, name);
}

std::unexpected<Error> refuse(const std::string& what) {
  return fail(ErrorCode::kConfig, what, "DIR");
}

Result<std::string> read(const std::string& path) {
  auto text = read_input_file(path, kPemBytesMax);
  return text ? std::move(text) : refuse(fmt::format("has no {}, or one that {}", path, text.error().detail));
}

Result<void> replace(const std::string& path, const std::string& text, mode_t mode) {
  auto written = replace_file(path, text, mode);
  return written ? written : refuse(fmt::format("has a {}, which {}", path, written.error().detail));
}

struct Authority {
  std::string trusted;  // certificates, the newest first
  CertifiedKey newest;
};

Result<Authority> read_authority(const std::string& directory) {
  auto trusted = read(in_secrets(directory, "nodes-ca.pem"));
  auto key = read(in_secrets(directory, "nodes-ca.key"));
  if (!trusted || !key) {
    return std::unexpected(trusted ? key.error() : trusted.error());
  }
  const size_t end = trusted->find(kEndOfCertificate);
  const std::string first = end == std::string::npos ? *trusted : trusted->substr(0, end + kEndOfCertificate.size());
  return Authority{std::move(*trusted), {first, std::move(*key)}};
}

}  // namespace

NodeCertificates make_node_certificates() {
  CertifiedKey authority = make_authority(kAuthorityName, kAuthorityLifetime);
  auto node = make_certificate(authority, certificate_name(kFirstNode, Region::kSouth), kNodeLifetime);
  return {std::move(authority), std::move(node.value())};
}

Result<std::vector<std::string>> certify_node(const std::string& directory, const std::string& node, Region region) {
  const auto authority = read_authority(directory);
  if (!authority) {
    return std::unexpected(authority.error());
  }
  const auto made = make_certificate(authority->newest, certificate_name(node, region), kNodeLifetime);
  if (!made) {
    return refuse(fmt::format("has a secrets/nodes-ca.pem that {}", made.error().detail));
  }
  const std::string certificate = in_secrets(directory, node + ".pem");
  const std::string key = in_secrets(directory, node + ".key");
  if (auto written = replace(key, made->key, kForOwner); !written) {
    return std::unexpected(written.error());
  }
  if (auto written = replace(certificate, made->certificate, kForAll); !written) {
    return std::unexpected(written.error());
  }
  return std::vector{certificate, key};
}

Result<std::string> add_authority(const std::string& directory) {
  const auto before = read_authority(directory);
  if (!before) {
    return std::unexpected(before.error());
  }
  const CertifiedKey made = make_authority(kAuthorityName, kAuthorityLifetime);
  const std::string trusted = in_secrets(directory, "nodes-ca.pem");
  // Were this to end in between, the first certificate and the key would not fit, and nothing be signed.
  if (auto written = replace(trusted, made.certificate + before->trusted, kForAll); !written) {
    return std::unexpected(written.error());
  }
  if (auto written = replace(in_secrets(directory, "nodes-ca.key"), made.key, kForOwner); !written) {
    return std::unexpected(written.error());
  }
  return trusted;
}

Result<std::string> retire_authorities(const std::string& directory) {
  const auto authority = read_authority(directory);
  if (!authority) {
    return std::unexpected(authority.error());
  }
  const std::string trusted = in_secrets(directory, "nodes-ca.pem");
  auto written = replace(trusted, authority->newest.certificate, kForAll);
  return written ? Result<std::string>(trusted) : std::unexpected(written.error());
}

}  // namespace hongbao
