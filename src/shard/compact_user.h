// A user id in 16 bytes: up to 15 characters in place, a longer one on the heap. For what is kept a million times; a
// UserId takes 32 bytes. Immutable; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "core/ids.h"

namespace hongbao {

class CompactUser {
 public:
  CompactUser() = default;
  explicit CompactUser(const UserId& user) {
    const std::string& text = user.text();
    if (text.size() <= kInPlaceMax) {
      std::copy(text.begin(), text.end(), bytes_.begin());
      bytes_[kInPlaceMax] = static_cast<char>(text.size());
      return;
    }
    auto* heap = new char[text.size()];
    std::copy(text.begin(), text.end(), heap);
    std::memcpy(bytes_.data(), static_cast<const void*>(&heap), sizeof heap);
    bytes_[sizeof heap] = static_cast<char>(text.size());
    bytes_[kInPlaceMax] = kOnHeap;
  }
  CompactUser(CompactUser&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  CompactUser& operator=(CompactUser&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~CompactUser() {
    if (is_on_heap()) {
      delete[] heap();
    }
  }

  [[nodiscard]] std::string_view text() const {
    return is_on_heap() ? std::string_view(heap(), static_cast<uint8_t>(bytes_[sizeof(char*)]))
                        : std::string_view(bytes_.data(), static_cast<uint8_t>(bytes_[kInPlaceMax]));
  }
  [[nodiscard]] UserId user() const { return UserId::trusted(std::string(text())); }

 private:
  static constexpr size_t kInPlaceMax = 15;
  static constexpr char kOnHeap = '\x7f';

  [[nodiscard]] bool is_on_heap() const { return bytes_[kInPlaceMax] == kOnHeap; }
  [[nodiscard]] char* heap() const {
    char* heap = nullptr;
    std::memcpy(static_cast<void*>(&heap), bytes_.data(), sizeof heap);
    return heap;
  }

  std::array<char, kInPlaceMax + 1> bytes_{};  // the text and its length; or a pointer, a length, and kOnHeap
};
static_assert(sizeof(CompactUser) == 16);

}  // namespace hongbao
