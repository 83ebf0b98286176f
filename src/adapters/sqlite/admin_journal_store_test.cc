#include "adapters/sqlite/admin_journal_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/scratch_dir.h"

namespace hongbao::sqlite::admin_journal_store_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

BegunChange change(int64_t at, const std::string& call = "POST /x") {
  return {.at = {at}, .token = "ann", .role = "operator", .from = "::1", .call = call, .content = "{}"};
}

class AdminJournalStoreTest : public testing::Test {
 protected:
  std::unique_ptr<AdminJournalStore> open() { return AdminJournalStore::open(file_).value(); }

  ScratchDir dir_;
  std::string file_ = dir_.file("journal.db");
};

TEST_F(AdminJournalStoreTest, WhatIsAddedIsThereAfterAReopen) {
  {
    const auto store = open();
    EXPECT_THAT(store->append({change(1, "POST /a"), change(2, "PUT /b")}, {}).value(), ElementsAre(1, 2));
    EXPECT_THAT(store->append({change(3)}, {{.no = 1, .at = {4}, .outcome = "200"}}).value(), ElementsAre(3));
  }
  const auto store = open();
  EXPECT_THAT(store->append({change(5)}, {}).value(), ElementsAre(4));
  const auto entries = store->newest(4, 10).value();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].no, 3U);
  EXPECT_FALSE(entries[0].ended.has_value());
  EXPECT_EQ(entries[2].begun.call, "POST /a");
  EXPECT_EQ(entries[2].begun.at, Timestamp{1});
  EXPECT_EQ(entries[2].begun.from, "::1");
  ASSERT_TRUE(entries[2].ended.has_value());
  EXPECT_EQ(entries[2].ended->outcome, "200");
  EXPECT_EQ(store->newest(UINT64_MAX, 2).value().size(), 2U);
  EXPECT_THAT(store->newest(1, 10).value(), IsEmpty());
  EXPECT_GT(store->bytes().value(), 4'096U);
}

TEST_F(AdminJournalStoreTest, AnEndIsOfOneEntryAndComesOnce) {
  const auto store = open();
  ASSERT_TRUE(store->append({change(1)}, {}));
  ASSERT_TRUE(store->append({}, {{.no = 1, .at = {2}, .outcome = "200"}}));
  EXPECT_FALSE(store->append({change(3)}, {{.no = 1, .at = {3}, .outcome = "500"}}));
  EXPECT_FALSE(store->append({}, {{.no = 9, .at = {3}, .outcome = "200"}}));
  EXPECT_EQ(store->newest(UINT64_MAX, 10).value().size(), 1U) << "nothing of a refused batch is there";
  EXPECT_EQ(store->newest(UINT64_MAX, 10).value()[0].ended->outcome, "200");
}

TEST_F(AdminJournalStoreTest, NothingIsChangedOrRemoved) {
  {
    const auto store = open();
    ASSERT_TRUE(store->append({change(1)}, {}));
    ASSERT_TRUE(store->append({}, {{.no = 1, .at = {2}, .outcome = "200"}}));
  }
  Database database = Database::open_writer(file_);
  for (const char* sql : {"UPDATE begun SET token = 'eve'", "DELETE FROM begun", "UPDATE ended SET outcome = '500'",
                          "DELETE FROM ended", "INSERT OR REPLACE INTO begun VALUES (1, 1, 'eve', '', '', '', '')",
                          "INSERT OR REPLACE INTO ended VALUES (1, 1, '500')"}) {
    EXPECT_THROW(database.execute(sql), SqliteError) << sql;
  }
}

TEST_F(AdminJournalStoreTest, OneProcessHasAFileAndItIsItsOwnersAlone) {
  const auto store = open();
  const auto second = AdminJournalStore::open(file_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConfig);
  EXPECT_THAT(second.error().detail, HasSubstr("another process uses"));
  struct stat found{};
  ASSERT_EQ(::stat(file_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
  EXPECT_THAT(AdminJournalStore::open(dir_.file("none/journal.db")).error().detail, HasSubstr("can't be made"));
}

}  // namespace
}  // namespace hongbao::sqlite::admin_journal_store_test
