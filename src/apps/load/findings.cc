#include "apps/load/findings.h"

#include <fmt/format.h>

namespace hongbao::load {

void Findings::add(std::string_view kind, std::string what) {
  Group& group = groups_[std::string(kind)];
  ++group.count;
  if (group.examples.size() < kExamplesMax) {
    group.examples.push_back(std::move(what));
  }
}

void Findings::merge(const Findings& other) {
  for (const auto& [kind, theirs] : other.groups_) {
    Group& group = groups_[kind];
    group.count += theirs.count;
    for (const std::string& example : theirs.examples) {
      if (group.examples.size() < kExamplesMax) {
        group.examples.push_back(example);
      }
    }
  }
}

uint64_t Findings::count() const {
  uint64_t sum = 0;
  for (const auto& [kind, group] : groups_) {
    sum += group.count;
  }
  return sum;
}

uint64_t Findings::count(std::string_view kind) const {
  const auto found = groups_.find(kind);
  return found == groups_.end() ? 0 : found->second.count;
}

std::string Findings::text() const {
  std::string out;
  for (const auto& [kind, group] : groups_) {
    out += fmt::format("{}: {} found{}\n", kind, group.count,
                       group.count > group.examples.size() ? fmt::format(", the first {}", group.examples.size()) : "");
    for (const std::string& example : group.examples) {
      out += fmt::format("  {}\n", example);
    }
  }
  return out;
}

}  // namespace hongbao::load
