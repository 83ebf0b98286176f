// Memory for secrets, by libsodium: locked into RAM as far as RLIMIT_MEMLOCK allows, between pages that nobody may
// touch, left out of core dumps, and wiped when it is freed. An allocation takes four pages, so it is for few.
// Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace hongbao {

// Throws std::bad_alloc.
void* allocate_secret(size_t items, size_t item_bytes);
void free_secret(void* memory) noexcept;

// Overwrites what is there, which the compiler may not leave out.
void wipe(std::string& text) noexcept;
void wipe(std::span<uint8_t> bytes) noexcept;

// For containers of secrets.
template <class T>
struct SecretAllocator {
  using value_type = T;  // NOLINT(readability-identifier-naming): the standard's name

  SecretAllocator() = default;
  template <class U>
  SecretAllocator(const SecretAllocator<U>&) noexcept {}  // NOLINT(google-explicit-constructor): as containers want it

  T* allocate(size_t items) {
    static_assert(sizeof(T) % alignof(T) == 0 && alignof(T) <= 8, "libsodium puts an item's end at a page's end");
    return static_cast<T*>(allocate_secret(items, sizeof(T)));
  }
  void deallocate(T* memory, size_t) noexcept { free_secret(memory); }
  friend bool operator==(const SecretAllocator&, const SecretAllocator&) { return true; }
};

}  // namespace hongbao
