// What is to be done when, the earliest first: a binary heap over items with a member `due_us`. A value; one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hongbao::load {

template <class Item>
class Agenda {
 public:
  static constexpr int64_t kNever = INT64_MAX;

  void push(const Item& item) {
    items_.push_back(item);
    std::push_heap(items_.begin(), items_.end(), kLater);
  }
  // REQUIRES: not empty.
  Item pop() {
    std::pop_heap(items_.begin(), items_.end(), kLater);
    const Item item = items_.back();
    items_.pop_back();
    return item;
  }
  // kNever when empty.
  [[nodiscard]] int64_t next_us() const { return items_.empty() ? kNever : items_.front().due_us; }
  [[nodiscard]] bool empty() const { return items_.empty(); }
  void clear() { items_.clear(); }
  // In no order.
  [[nodiscard]] const std::vector<Item>& all() const { return items_; }

 private:
  static constexpr auto kLater = [](const Item& a, const Item& b) { return a.due_us > b.due_us; };
  std::vector<Item> items_;
};

}  // namespace hongbao::load
