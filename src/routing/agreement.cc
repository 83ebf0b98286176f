#include "routing/agreement.h"

#include <fmt/format.h>

#include <optional>

namespace hongbao {
namespace {

// Takes the first line off `facts`.
std::pair<std::string_view, std::string_view> take_fact(std::string_view& facts) {
  const std::string_view line = facts.substr(0, facts.find('\n'));
  facts.remove_prefix(std::min(facts.size(), line.size() + 1));
  const size_t equals = std::min(line.find('='), line.size());
  return {line.substr(0, equals), line.substr(std::min(line.size(), equals + 1))};
}

std::optional<std::string_view> find_fact(std::string_view facts, std::string_view wanted) {
  while (!facts.empty()) {
    if (const auto [key, value] = take_fact(facts); key == wanted) {
      return value;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string print(const Facts& facts) {
  std::string text;
  for (const auto& [key, value] : facts) {
    fmt::format_to(std::back_inserter(text), "{}={}\n", key, value);
  }
  return text;
}

Result<void> require_agreement(const Member& self, const std::vector<Member>& members) {
  for (const Member& member : members) {
    if (member.node == self.node) {
      continue;
    }
    for (std::string_view mine = self.facts; !mine.empty();) {
      const auto [key, value] = take_fact(mine);
      const auto theirs = find_fact(member.facts, key);
      if (theirs && *theirs != value) {
        return fail(ErrorCode::kConfig,
                    fmt::format("is {} here and {} on the node {}, which runs: give all nodes the same value, or stop "
                                "all of them before it changes",
                                value, *theirs, member.node),
                    std::string(key));
      }
    }
  }
  return {};
}

}  // namespace hongbao
