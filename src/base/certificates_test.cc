#include "base/certificates.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

namespace hongbao {
namespace {

constexpr std::chrono::days kMonth{30};

using Certificate = std::unique_ptr<X509, decltype([](X509* it) { X509_free(it); })>;

Certificate parse(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  Certificate parsed(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr));
  BIO_free(bio);
  return parsed;
}

bool is_for(X509* certificate, std::string_view name) {
  return X509_check_host(certificate, name.data(), name.size(), 0, nullptr) == 1;
}

TEST(CertificatesTest, WhatAnAuthoritySignedIsForThatNameAlone) {
  const CertifiedKey authority = make_authority("ours", kMonth);
  const auto made = make_certificate(authority, "ann.south.hongbao", kMonth);
  ASSERT_TRUE(made);
  const auto issuer = parse(authority.certificate);
  const auto own = parse(made->certificate);
  ASSERT_TRUE(issuer && own);
  EXPECT_EQ(X509_verify(own.get(), X509_get0_pubkey(issuer.get())), 1);
  EXPECT_TRUE(is_for(own.get(), "ann.south.hongbao"));
  EXPECT_FALSE(is_for(own.get(), "bob.south.hongbao"));
  EXPECT_EQ(X509_check_ca(own.get()), 0);
  EXPECT_NE(X509_check_ca(issuer.get()), 0);
  EXPECT_NE(made->key, make_certificate(authority, "ann.south.hongbao", kMonth)->key);
}

TEST(CertificatesTest, ANameIsTakenAsItIs) {
  const CertifiedKey authority = make_authority("ours", kMonth);
  const std::string name = "a,DNS:other." + std::string(64, 'b') + ".hongbao";
  const auto own = parse(make_certificate(authority, name, kMonth)->certificate);
  ASSERT_TRUE(own);
  EXPECT_TRUE(is_for(own.get(), name));
  EXPECT_FALSE(is_for(own.get(), "other"));
}

TEST(CertificatesTest, AnAuthorityWithoutItsKeySignsNothing) {
  const CertifiedKey authority = make_authority("ours", kMonth);
  const CertifiedKey other = make_authority("other", kMonth);
  for (const CertifiedKey& broken : {CertifiedKey{authority.certificate, other.key},
                                     CertifiedKey{authority.certificate, ""}, CertifiedKey{"", authority.key}}) {
    const auto made = make_certificate(broken, "ann", kMonth);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kConfig);
  }
}

}  // namespace
}  // namespace hongbao
