// Keys that users' tokens are signed with, by algorithm (RFC 7518, 3.1; RFC 8037, 3.1), and the set of them that is
// good at one time. Immutable; any thread.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/signing_keys.h"

namespace hongbao {

enum class TokenAlgorithm : uint8_t { kHs256, kEs256, kEdDsa };
inline constexpr size_t kTokenAlgorithms = 3;

// As `alg` has it.
std::string_view to_text(TokenAlgorithm algorithm);

class TokenKey {
 public:
  // In the order of TokenAlgorithm.
  using Material = std::variant<HmacKey, P256PublicKey, Ed25519PublicKey>;

  // `raw`: what tells the material from any other. An empty `id`: tokens can't name it.
  TokenKey(std::string id, Material material, Bytes raw);
  static TokenKey of_secret(std::string id, Bytes secret) { return {std::move(id), HmacKey(secret), secret}; }

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] TokenAlgorithm algorithm() const { return static_cast<TokenAlgorithm>(material_.index()); }
  [[nodiscard]] bool has_signed(std::string_view text, Bytes signature) const;
  // REQUIRES: it is a secret (kHs256).
  [[nodiscard]] Hash256 sign(std::string_view text) const;

  [[nodiscard]] bool is_same_material(const TokenKey& other) const { return fingerprint_ == other.fingerprint_; }
  friend bool operator==(const TokenKey& a, const TokenKey& b) { return a.id_ == b.id_ && a.is_same_material(b); }

 private:
  std::string id_;
  Material material_;
  Hash256 fingerprint_;  // of algorithm and material
};

// The keys that are good at one time. Each has a number that it keeps for as long as it is in one set after the other,
// so that what it signed can be remembered by number.
class TokenKeySet {
 public:
  // A token that names no key is tried with so many of its algorithm, the first ones: a forged one costs as many
  // checks.
  static constexpr size_t kTriesMax = 4;

  struct Key {
    TokenKey key;
    uint32_t number;
  };

  // `ids_count`: a token that names a key is good for that key alone; else names are not looked at.
  TokenKeySet(std::vector<TokenKey> keys, bool ids_count);
  // The set that comes after this one.
  [[nodiscard]] TokenKeySet followed_by(std::vector<TokenKey> keys) const;

  [[nodiscard]] bool ids_count() const { return ids_count_; }
  [[nodiscard]] uint32_t generation() const { return generation_; }
  // nullptr: there is none of that id.
  [[nodiscard]] const Key* find(std::string_view id) const;
  // The key that signed `text`; nullptr: none of those that are tried.
  [[nodiscard]] const Key* signer_of(std::string_view text, Bytes signature, TokenAlgorithm algorithm) const;
  [[nodiscard]] bool has(uint32_t number) const;
  [[nodiscard]] bool has(TokenAlgorithm algorithm) const;
  [[nodiscard]] bool is_of(const std::vector<TokenKey>& keys) const;
  // "HS256, ES256": for those whose token is of another.
  [[nodiscard]] const std::string& algorithms() const { return algorithms_; }

 private:
  TokenKeySet() = default;
  void put(std::vector<TokenKey> keys, const TokenKeySet* before);

  std::vector<Key> keys_;
  std::string algorithms_;
  bool ids_count_ = false;
  uint32_t generation_ = 1;
  uint32_t next_number_ = 1;
};

}  // namespace hongbao
