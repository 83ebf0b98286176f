#include "apps/load/agenda.h"

#include <gtest/gtest.h>

#include "apps/load/dice.h"

namespace hongbao::load {
namespace {

struct Item {
  int64_t due_us = 0;
};

TEST(Agenda, GivesTheEarliestFirst) {
  Agenda<Item> agenda;
  EXPECT_EQ(agenda.next_us(), Agenda<Item>::kNever);
  Dice dice(1, 0);
  for (int i = 0; i < 1'000; ++i) {
    agenda.push({dice.between(0, 500)});
  }
  for (int64_t last = 0; !agenda.empty();) {
    const int64_t next = agenda.next_us();
    EXPECT_EQ(agenda.pop().due_us, next);
    EXPECT_GE(next, last);
    last = next;
  }
}

}  // namespace
}  // namespace hongbao::load
