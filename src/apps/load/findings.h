// What the checks found wrong, by kind, with the first few of each kind in words. A value; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hongbao::load {

class Findings {
 public:
  static constexpr size_t kExamplesMax = 10;  // of each kind

  void add(std::string_view kind, std::string what);
  void merge(const Findings& other);

  [[nodiscard]] uint64_t count() const;
  [[nodiscard]] uint64_t count(std::string_view kind) const;
  // One line a finding, "" when there are none.
  [[nodiscard]] std::string text() const;

 private:
  struct Group {
    uint64_t count = 0;
    std::vector<std::string> examples;
  };
  std::map<std::string, Group, std::less<>> groups_;
};

}  // namespace hongbao::load
