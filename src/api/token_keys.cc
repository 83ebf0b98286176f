#include "api/token_keys.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace hongbao {

std::string_view to_text(TokenAlgorithm algorithm) {
  static constexpr std::array<std::string_view, kTokenAlgorithms> kNames{"HS256", "ES256", "EdDSA"};
  return kNames.at(static_cast<size_t>(algorithm));
}

TokenKey::TokenKey(std::string id, Material material, Bytes raw) : id_(std::move(id)), material_(std::move(material)) {
  std::string all(to_text(algorithm()));
  all.append(raw.begin(), raw.end());
  fingerprint_ = blake2b(as_bytes(all));
}

bool TokenKey::has_signed(std::string_view text, Bytes signature) const {
  return std::visit([&](const auto& key) { return key.has_signed(as_bytes(text), signature); }, material_);
}

Hash256 TokenKey::sign(std::string_view text) const {
  const auto* secret = std::get_if<HmacKey>(&material_);
  CHECK(secret != nullptr);
  return secret->sign(as_bytes(text));
}

TokenKeySet::TokenKeySet(std::vector<TokenKey> keys, bool ids_count) : ids_count_(ids_count) {
  put(std::move(keys), nullptr);
}

TokenKeySet TokenKeySet::followed_by(std::vector<TokenKey> keys) const {
  TokenKeySet next;
  next.ids_count_ = ids_count_;
  next.generation_ = generation_ + 1;
  next.next_number_ = next_number_;
  next.put(std::move(keys), this);
  return next;
}

void TokenKeySet::put(std::vector<TokenKey> keys, const TokenKeySet* before) {
  for (TokenKey& key : keys) {
    const Key* old = nullptr;
    if (before != nullptr) {
      const auto it = std::ranges::find(before->keys_, key, &Key::key);
      old = it == before->keys_.end() ? nullptr : &*it;
    }
    keys_.push_back({std::move(key), old == nullptr ? next_number_++ : old->number});
  }
  for (size_t i = 0; i < kTokenAlgorithms; ++i) {
    const auto algorithm = static_cast<TokenAlgorithm>(i);
    if (has(algorithm)) {
      algorithms_ += algorithms_.empty() ? "" : ", ";
      algorithms_ += to_text(algorithm);
    }
  }
}

const TokenKeySet::Key* TokenKeySet::find(std::string_view id) const {
  const auto it = std::ranges::find_if(keys_, [&](const Key& each) { return !id.empty() && each.key.id() == id; });
  return it == keys_.end() ? nullptr : &*it;
}

const TokenKeySet::Key* TokenKeySet::signer_of(std::string_view text, Bytes signature, TokenAlgorithm algorithm) const {
  const Key* signer = nullptr;
  size_t tries = 0;
  for (const Key& each : keys_) {
    if (each.key.algorithm() != algorithm) {
      continue;
    }
    if (++tries > kTriesMax) {
      break;
    }
    if (each.key.has_signed(text, signature)) {
      signer = &each;
    }
    if (signer != nullptr && algorithm != TokenAlgorithm::kHs256) {
      break;  // of secrets all are tried, so that time does not tell which
    }
  }
  return signer;
}

bool TokenKeySet::has(uint32_t number) const {
  return std::ranges::find(keys_, number, &Key::number) != keys_.end();
}

bool TokenKeySet::has(TokenAlgorithm algorithm) const {
  return std::ranges::any_of(keys_, [&](const Key& each) { return each.key.algorithm() == algorithm; });
}

bool TokenKeySet::is_of(const std::vector<TokenKey>& keys) const {
  return std::ranges::equal(keys_, keys, {}, &Key::key);
}

}  // namespace hongbao
