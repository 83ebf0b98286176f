// A memory store that can go back to an earlier moment: what changed it is remembered, and played again up to there.
// One thread.
#pragma once

#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace hongbao::sim {

template <class Store>
class Rewindable {
 public:
  using Change = std::function<void(Store&)>;

  // `make` puts a new store. Without `remembers` it costs nothing and can't go back.
  Rewindable(std::function<void(std::optional<Store>&)> make, bool remembers)
      : make_(std::move(make)), remembers_(remembers) {
    make_(store_);
  }

  Store& operator*() { return *store_; }
  Store* operator->() { return &*store_; }

  // With nothing between it and the change itself.
  template <class Made>
  void remember(Made change) {
    if (remembers_) {
      changes_.push_back(std::move(change));
    }
  }
  [[nodiscard]] size_t moment() const { return changes_.size(); }
  void go_back(size_t moment) {
    changes_.resize(moment);
    make_(store_);
    for (const Change& change : changes_) {
      change(*store_);
    }
  }

 private:
  const std::function<void(std::optional<Store>&)> make_;
  const bool remembers_;
  std::optional<Store> store_;
  std::vector<Change> changes_;
};

}  // namespace hongbao::sim
