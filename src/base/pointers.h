// Views of owning maps.
#pragma once

#include <map>
#include <memory>

namespace hongbao {

// What a map owns, for those who only use it: valid as long as the map keeps it.
template <class To, class Key, class Owned>
std::map<Key, To*> pointers_to(const std::map<Key, std::unique_ptr<Owned>>& owned) {
  std::map<Key, To*> pointers;
  for (const auto& [key, each] : owned) {
    pointers.emplace(key, each.get());
  }
  return pointers;
}

}  // namespace hongbao
