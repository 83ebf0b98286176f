#include "options.h"

#include <cstdlib>

namespace faulty_disk {
namespace {

std::string text(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

uint64_t number(const char* name) {
  return std::strtoull(text(name).c_str(), nullptr, 10);
}

}  // namespace

Options Options::from_environment() {
  return {.root = text("FAULTY_DISK_ROOT"),
          .journal = text("FAULTY_DISK_JOURNAL"),
          .seed = number("FAULTY_DISK_SEED"),
          .sync_us_max = number("FAULTY_DISK_SYNC_US_MAX"),
          .lies = number("FAULTY_DISK_LIES") != 0,
          .fail_one_in = number("FAULTY_DISK_FAIL_ONE_IN"),
          .fail_databases = number("FAULTY_DISK_FAIL_DATABASES") != 0,
          .die_of_failure = number("FAULTY_DISK_DIE_OF_FAILURE") != 0,
          .die_at_page = number("FAULTY_DISK_DIE_AT_PAGE")};
}

}  // namespace faulty_disk
