#include "adapters/sqlite/store_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "adapters/sqlite/snapshot.h"
#include "base/scratch_dir.h"

namespace hongbao::sqlite {
namespace {

using testing::HasSubstr;

const Schema kSchema{.application_id = 7, .steps = {"CREATE TABLE a(x INTEGER); CREATE TABLE b(x INTEGER)"}};
const StoreTerms kNew{.deployment = "ours", .was_made = false};
const StoreTerms kMade{.deployment = "ours", .was_made = true};

class StoreFileTest : public testing::Test {
 protected:
  std::string refusal(const StoreTerms& terms) {
    try {
      open_store(file_, kSchema, terms);
    } catch (const SqliteError& error) {
      EXPECT_THAT(error.what(), HasSubstr(file_));
      EXPECT_THAT(error.what(), testing::Not(HasSubstr("\n")));
      return error.what();
    }
    return "";
  }
  // What a copy is made of while the store is in use.
  void copy_while_in_use(const std::string& to) {
    Database store = open_store(file_, kSchema, kNew);
    store.execute("INSERT INTO a VALUES (1)");
    for (const char* suffix : {"", "-wal"}) {
      std::filesystem::copy_file(file_ + suffix, to + suffix, std::filesystem::copy_options::overwrite_existing);
    }
  }

  ScratchDir dir_;
  std::string file_ = dir_.file("store.db");
};

TEST_F(StoreFileTest, ANewFileIsItsOwnersAndItsDeploymentsAndOpensAgain) {
  const mode_t before = ::umask(0);
  {
    open_store(file_, kSchema, kNew).execute("INSERT INTO a VALUES (1)");
  }
  ::umask(before);
  struct stat found{};
  ASSERT_EQ(::stat(file_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
  EXPECT_FALSE(std::filesystem::exists(file_ + "-wal")) << "it was closed";
  EXPECT_EQ(open_store(file_, kSchema, kMade).integer("SELECT x FROM a"), 1);
}

TEST_F(StoreFileTest, WhatWasMadeAndIsNotThereWholeIsRefused) {
  EXPECT_THAT(refusal(kMade), HasSubstr("is missing"));
  std::ofstream(file_).close();
  EXPECT_THAT(refusal(kMade), HasSubstr("is empty"));
  {
    Database::open_writer(file_);
  }
  EXPECT_THAT(refusal(kMade), HasSubstr("holds nothing"));
  EXPECT_EQ(refusal(kNew), "") << "an earlier first start may have died";
}

TEST_F(StoreFileTest, AFileOfAnotherDeploymentOrOfNoneIsRefused) {
  {
    open_store(file_, kSchema, kNew);
  }
  EXPECT_THAT(refusal({"theirs", true}), HasSubstr("another deployment (ours)"));
  EXPECT_THAT(refusal({"theirs", false}), HasSubstr("another deployment (ours)"));
  {
    Database::open_writer(file_).execute("DELETE FROM deployment");
  }
  EXPECT_THAT(refusal(kMade), HasSubstr("belongs to no deployment"));
}

TEST_F(StoreFileTest, ACopyWithoutItsLogIsRefusedUntilTheFileIsToldOtherwise) {
  copy_while_in_use(dir_.file("copy.db"));
  file_ = dir_.file("copy.db");
  for (const auto& damage : {+[](const std::string& log) { std::filesystem::resize_file(log, 0); },
                             +[](const std::string& log) { std::filesystem::remove(log); }}) {
    damage(file_ + "-wal");
    EXPECT_THAT(refusal(kMade), HasSubstr("without its log copy.db-wal"));
    EXPECT_THAT(refusal(kMade), HasSubstr("without its log copy.db-wal")) << "looking does not mend it";
  }
  {
    Database::open_writer(file_).execute("UPDATE deployment SET in_use = 0");
  }
  EXPECT_EQ(refusal(kMade), "");
}

TEST_F(StoreFileTest, AFileThatCameFromABackupIsAFileAsAnyOther) {
  {
    Database store = open_store(file_, kSchema, kNew);
    Snapshot snapshot(file_);
    snapshot.pin();
    snapshot.copy_to(dir_.file("backup.db"), [](uint64_t) { return true; });
  }
  file_ = dir_.file("backup.db");
  EXPECT_EQ(refusal(kMade), "") << "it says that it is in use, and has no log";
  copy_while_in_use(dir_.file("copy.db"));
  file_ = dir_.file("copy.db");
  std::filesystem::remove(file_ + "-wal");
  EXPECT_THAT(refusal(kMade), HasSubstr("without its log"));
}

TEST_F(StoreFileTest, ACopyWithItsLogIsTakenAsAfterACrash) {
  copy_while_in_use(dir_.file("copy.db"));
  EXPECT_EQ(open_store(dir_.file("copy.db"), kSchema, kMade).integer("SELECT x FROM a"), 1);
}

TEST_F(StoreFileTest, AStartThatFailsAfterACrashLeavesTheLogToTheNext) {
  copy_while_in_use(dir_.file("copy.db"));
  file_ = dir_.file("copy.db");
  EXPECT_THAT(refusal({"theirs", true}), HasSubstr("another deployment"));
  EXPECT_GT(std::filesystem::file_size(file_ + "-wal"), 0U);
  EXPECT_EQ(open_store(file_, kSchema, kMade).integer("SELECT x FROM a"), 1);
  EXPECT_FALSE(std::filesystem::exists(file_ + "-wal")) << "it was closed well";
}

TEST_F(StoreFileTest, ASnapshotIsOfTheMomentWhenItWasPinned) {
  Database store = open_store(file_, kSchema, kNew);
  store.execute("INSERT INTO a VALUES (1)");
  Snapshot snapshot(file_);
  snapshot.pin();
  store.execute("INSERT INTO b VALUES (1)");
  const std::string copy = dir_.file("copy.db");
  uint64_t bytes = 0;
  EXPECT_TRUE(snapshot.copy_to(copy, [&](uint64_t more) {
    bytes += more;
    store.execute("INSERT INTO a VALUES (2)");
    return true;
  }));
  EXPECT_EQ(bytes, std::filesystem::file_size(copy));
  {
    Database copied = open_store(copy, kSchema, kMade);  // as SQLite's own backups, it needs no log
    EXPECT_EQ(copied.integer("SELECT count(*) FROM a"), 1);
    EXPECT_EQ(copied.integer("SELECT count(*) FROM b"), 0);
  }
  give_store(copy, "theirs");
  EXPECT_FALSE(std::filesystem::exists(copy + "-wal"));
  EXPECT_EQ(open_store(copy, kSchema, {"theirs", true}).integer("SELECT count(*) FROM a"), 1);
}

TEST_F(StoreFileTest, ACopyThatIsGivenUpSaysSo) {
  Database store = open_store(file_, kSchema, kNew);
  store.execute(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) INSERT INTO a SELECT i FROM n");
  Snapshot snapshot(file_);
  snapshot.pin();
  EXPECT_FALSE(snapshot.copy_to(dir_.file("copy.db"), [](uint64_t) { return false; }));
}

}  // namespace
}  // namespace hongbao::sqlite
