#include "base/certificates.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

#include "base/check.h"
#include "base/crypto.h"

namespace hongbao {
namespace {

// X509's version field counts from 0.
constexpr long kVersion3 = 2;
constexpr size_t kSerialBytes = 16;
// A certificate of now is good for neighbours whose clocks are behind.
constexpr std::chrono::hours kClocksDiffer{1};
constexpr size_t kCommonNameBytesMax = 64;  // X.520, ub-common-name

template <auto kFree>
struct Free {
  void operator()(auto* it) const { kFree(it); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, Free<X509_free>>;
using BioPtr = std::unique_ptr<BIO, Free<BIO_free_all>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, Free<BN_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;

BioPtr reader_of(const std::string& text) {
  BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  CHECK(bio != nullptr);
  return bio;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long bytes = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(bytes)};
}

KeyPtr new_key() {
  KeyPtr key(EVP_EC_gen("P-256"));
  CHECK(key != nullptr);
  return key;
}

CertifiedKey in_pem(X509* certificate, EVP_PKEY* key) {
  const BioPtr certificate_text(BIO_new(BIO_s_mem()));
  const BioPtr key_text(BIO_new(BIO_s_secmem()));
  CHECK(PEM_write_bio_X509(certificate_text.get(), certificate) == 1);
  CHECK(PEM_write_bio_PKCS8PrivateKey(key_text.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return {text_of(certificate_text.get()), text_of(key_text.get())};
}

void set_random_serial(X509* certificate) {
  std::array<uint8_t, kSerialBytes> bytes{};
  random_bytes(bytes);
  bytes.front() &= 0x7f;  // a positive number
  bytes.front() |= 0x40;
  const NumberPtr number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
  CHECK(number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr);
}

void add_extension(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  CHECK(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

// Not by a text of configuration, in which a name could say something else.
void add_dns_name(X509* certificate, const std::string& dns_name) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  ASN1_IA5STRING* text = ASN1_IA5STRING_new();
  CHECK(name && text && ASN1_STRING_set(text, dns_name.data(), static_cast<int>(dns_name.size())) == 1);
  GENERAL_NAME_set0_value(name, GEN_DNS, text);
  const NamesPtr names(sk_GENERAL_NAME_new_null());
  CHECK(names && sk_GENERAL_NAME_push(names.get(), name) == 1);
  CHECK(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) == 1);
}

CertificatePtr begin_certificate(std::string_view name, std::chrono::seconds lifetime, EVP_PKEY* key) {
  CertificatePtr made(X509_new());
  CHECK(made && X509_set_version(made.get(), kVersion3) == 1);
  set_random_serial(made.get());
  CHECK(X509_gmtime_adj(X509_getm_notBefore(made.get()), -std::chrono::seconds(kClocksDiffer).count()) != nullptr);
  CHECK(X509_gmtime_adj(X509_getm_notAfter(made.get()), lifetime.count()) != nullptr);
  const std::string_view common = name.substr(0, kCommonNameBytesMax);
  CHECK(X509_NAME_add_entry_by_NID(X509_get_subject_name(made.get()), NID_commonName, MBSTRING_UTF8,
                                   reinterpret_cast<const uint8_t*>(common.data()), static_cast<int>(common.size()), -1,
                                   0) == 1);
  CHECK(X509_set_pubkey(made.get(), key) == 1);
  return made;
}

}  // namespace

CertifiedKey make_authority(std::string_view name, std::chrono::seconds lifetime) {
  const KeyPtr key = new_key();
  const CertificatePtr made = begin_certificate(name, lifetime, key.get());
  CHECK(X509_set_issuer_name(made.get(), X509_get_subject_name(made.get())) == 1);
  add_extension(made.get(), made.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(made.get(), made.get(), NID_key_usage, "critical,keyCertSign");
  add_extension(made.get(), made.get(), NID_subject_key_identifier, "hash");
  CHECK(X509_sign(made.get(), key.get(), EVP_sha256()) > 0);
  return in_pem(made.get(), key.get());
}

Result<CertifiedKey> make_certificate(const CertifiedKey& authority, const std::string& dns_name,
                                      std::chrono::seconds lifetime) {
  // Of an encrypted key it would ask the terminal for the password.
  const auto no_password = [](char*, int, int, void*) { return 0; };
  const CertificatePtr issuer(PEM_read_bio_X509(reader_of(authority.certificate).get(), nullptr, no_password, nullptr));
  const KeyPtr issuer_key(PEM_read_bio_PrivateKey(reader_of(authority.key).get(), nullptr, no_password, nullptr));
  if (!issuer || !issuer_key || X509_check_private_key(issuer.get(), issuer_key.get()) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::kConfig, "holds no certificate in PEM with its unencrypted key beside it");
  }
  const KeyPtr key = new_key();
  const CertificatePtr made = begin_certificate(dns_name, lifetime, key.get());
  CHECK(X509_set_issuer_name(made.get(), X509_get_subject_name(issuer.get())) == 1);
  add_extension(made.get(), issuer.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(made.get(), issuer.get(), NID_key_usage, "critical,digitalSignature");
  add_extension(made.get(), issuer.get(), NID_ext_key_usage, "serverAuth,clientAuth");
  // By its name alone two authorities of one deployment look alike.
  add_extension(made.get(), issuer.get(), NID_authority_key_identifier, "keyid:always");
  add_dns_name(made.get(), dns_name);
  if (X509_sign(made.get(), issuer_key.get(), EVP_sha256()) <= 0) {
    ERR_clear_error();
    return fail(ErrorCode::kConfig, "has a key that can't sign");
  }
  return in_pem(made.get(), key.get());
}

}  // namespace hongbao
