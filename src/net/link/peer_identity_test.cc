#include "net/link/peer_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/link/peer_test_identity.h"

namespace hongbao::peer_identity_test {
namespace {

using testing::HasSubstr;

constexpr const char* kName = "ann.south.hongbao";

CertifiedKey certificate(const CertifiedKey& authority = test_authority(), const std::string& name = kName) {
  return make_certificate(authority, name, kTestLifetime).value();
}

void expect_refused(const Result<PeerTls>& made, const char* field, const char* reason) {
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kConfig);
  EXPECT_EQ(made.error().field, field);
  EXPECT_THAT(made.error().detail, HasSubstr(reason));
}

TEST(PeerIdentity, EndsWhenItsCertificateDoes) {
  const auto now = SystemClock().now();
  const auto made = tls_from(test_authority().certificate, certificate(), kName);
  ASSERT_TRUE(made);
  EXPECT_LE(expiry_of(*made) - now, kTestLifetime);
  EXPECT_GT(expiry_of(*made) - now, kTestLifetime - std::chrono::minutes(1));
}

TEST(PeerIdentity, TwoAuthoritiesMayBeTrusted) {
  const CertifiedKey one = make_authority("alike", kTestLifetime);
  const CertifiedKey two = make_authority("alike", kTestLifetime);
  for (const std::string& both : {one.certificate + two.certificate, two.certificate + one.certificate}) {
    EXPECT_TRUE(tls_from(both, certificate(one), kName));
    EXPECT_TRUE(tls_from(both, certificate(two), kName));
  }
}

TEST(PeerIdentity, WhatNoOtherNodeWouldTakeIsRefusedAtTheStart) {
  const std::string& authority = test_authority().certificate;
  expect_refused(tls_from(authority, certificate(test_authority(), "bob.south.hongbao"), kName), "cert_file",
                 "not for ann.south.hongbao");
  const CertifiedKey other = make_authority("other", kTestLifetime);
  expect_refused(tls_from(authority, certificate(other), kName), "cert_file", "no other node takes");
  expect_refused(tls_from(authority, certificate(), kName, SystemClock().now() + 2 * kTestLifetime), "cert_file",
                 "expired");
  expect_refused(tls_from("no certificate", certificate(), kName), "ca_file", "PEM");
  expect_refused(tls_from(authority, {certificate().certificate, certificate().key}, kName), "key_file", "belongs");
  expect_refused(tls_from(authority, {"", certificate().key}, kName), "cert_file", "PEM");
}

}  // namespace
}  // namespace hongbao::peer_identity_test
