#include "base/secret_memory.h"

#include <sodium.h>

#include <new>

#include "base/check.h"

namespace hongbao {

void* allocate_secret(size_t items, size_t item_bytes) {
  CHECK(sodium_init() >= 0);
  void* const memory = sodium_allocarray(items, item_bytes);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}

void free_secret(void* memory) noexcept {
  sodium_free(memory);
}

void wipe(std::string& text) noexcept {
  sodium_memzero(text.data(), text.size());
}

void wipe(std::span<uint8_t> bytes) noexcept {
  sodium_memzero(bytes.data(), bytes.size());
}

}  // namespace hongbao
