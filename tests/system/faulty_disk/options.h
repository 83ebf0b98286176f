// What the faulty disk is told by its environment. Read once, when the first call arrives; any thread afterwards.
//
//   FAULTY_DISK_ROOT              files below this directory are on the disk; nothing else is touched
//   FAULTY_DISK_JOURNAL           the file that everything done to the disk is appended to (journal.h)
//   FAULTY_DISK_SEED              of the chances below
//   FAULTY_DISK_SYNC_US_MAX       a sync takes up to so long (0)
//   FAULTY_DISK_LIES              1: a sync says that all is well and makes nothing durable
//   FAULTY_DISK_FAIL_ONE_IN       so many syncs of files, on average, fail with EIO (0: none)
//   FAULTY_DISK_FAIL_DATABASES    1: only syncs of database files fail, not of their logs; they end a checkpoint
//   FAULTY_DISK_DIE_OF_FAILURE    1: the process is killed as it is told of the first failed sync
//   FAULTY_DISK_DIE_AT_PAGE       the process is killed at the so-many-th write into a database file, which is in a
//                                 checkpoint (0: never)
#pragma once

#include <cstdint>
#include <string>

namespace faulty_disk {

struct Options {
  std::string root;
  std::string journal;
  uint64_t seed = 0;
  uint64_t sync_us_max = 0;
  bool lies = false;
  uint64_t fail_one_in = 0;
  bool fail_databases = false;
  bool die_of_failure = false;
  uint64_t die_at_page = 0;

  static Options from_environment();
};

}  // namespace faulty_disk
