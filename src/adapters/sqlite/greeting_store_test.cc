#include "adapters/sqlite/greeting_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/scratch_dir.h"

namespace hongbao::sqlite {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class GreetingStoreTest : public testing::Test {
 protected:
  std::unique_ptr<GreetingStore> open() { return GreetingStore::open(file_, system_clock()).value(); }
  static KeptGreeting greeting(uint32_t counter, const std::string& text, std::chrono::milliseconds until) {
    return {{{Region::kNorth, 7}, Day{20'779}, LocalNo::of(1, counter)}, text, system_clock().now() + until};
  }

  ScratchDir dir_;
  std::string file_ = dir_.file("greetings.db");
};

TEST_F(GreetingStoreTest, WhatIsKeptIsThereAfterAReopenUntilItsTime) {
  const KeptGreeting soon = greeting(1, "恭喜 🧧", std::chrono::hours(1));
  const KeptGreeting late = greeting(2, "", std::chrono::hours(2));
  for (int i = 0; i < 2; ++i) {  // again, which changes nothing
    const auto store = open();
    store->keep(soon);
    store->keep(late);
  }
  const auto store = open();
  const Timestamp now = system_clock().now();
  EXPECT_THAT(store->kept(now, 10).value(), ElementsAre(late, soon));
  EXPECT_THAT(store->kept(now, 1).value(), ElementsAre(late));
  EXPECT_THAT(store->kept(soon.until, 10).value(), ElementsAre(late));
}

TEST_F(GreetingStoreTest, WhatIsOverIsErased) {
  const KeptGreeting over = greeting(1, "gone", -std::chrono::hours(1));
  open()->keep(over);
  open()->keep(greeting(2, "here", std::chrono::hours(1)));
  EXPECT_EQ(open()->kept({}, 10).value().size(), 1U);
}

TEST_F(GreetingStoreTest, AnotherStoresFileIsRefused) {
  Database::open_writer(file_).execute("CREATE TABLE something(x INTEGER)");
  EXPECT_EQ(GreetingStore::open(file_, system_clock()).error().code, ErrorCode::kStorage);
}

}  // namespace
}  // namespace hongbao::sqlite
