#include "contract/engines.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "base/check.h"

namespace hongbao {

std::string required_environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) {
    fmt::print(stderr, "{} is not set: run this test through tests/contract/with_engines.py\n", name);
    std::abort();
  }
  return value;
}

std::string file_of_environment(const char* name) {
  std::string content;
  std::ifstream(required_environment(name)) >> content;
  return content;
}

mariadb::Server test_mariadb() {
  const std::string address = required_environment("HONGBAO_TEST_MARIADB");
  const size_t colon = address.rfind(':');
  return {.host = address.substr(0, colon),
          .port = static_cast<uint16_t>(std::stoi(address.substr(colon + 1))),
          .user = required_environment("HONGBAO_TEST_MARIADB_USER"),
          .password = file_of_environment("HONGBAO_TEST_MARIADB_PASSWORD_FILE"),
          .tls = {.ca_file = std::getenv("ETLS") ? test_certificate("ca.pem") : ""},
          .answer_timeout = std::chrono::seconds(3)};
}

std::string test_certificate(const std::string& name) {
  return required_environment("HONGBAO_TEST_TLS") + "/" + name;
}

std::string scratch_prefix() {
  static std::atomic<int> number{0};
  return fmt::format("test_{}_{}", getpid(), ++number);
}

ScratchDatabase::ScratchDatabase(mariadb::DatabaseName name) : name_(std::move(name)) {
  CHECK(mariadb::migrate_schema(test_mariadb(), name_).has_value());
}

ScratchDatabase::~ScratchDatabase() {
  (void)mariadb::guarded("test.drop", [&] {
    mariadb::Database::open(test_mariadb(), "", mariadb::Database::Mode::kWrite)
        .execute(fmt::format("DROP DATABASE IF EXISTS {}", name_.name));
  });
}

Result<std::unique_ptr<mariadb::OrderStore>> ScratchOrders::open(const mariadb::Server& server) const {
  return mariadb::OrderStore::open({server, hot()}, {server, cold()}, kShard);
}

void engine(const std::string& action, const std::string& name, const std::string& argument) {
  const std::string path = required_environment("HONGBAO_TEST_ENGINE_CONTROL");
  const int connection = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  CHECK(path.size() < sizeof address.sun_path);
  std::strcpy(address.sun_path, path.c_str());
  CHECK(connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  const std::string line = action + " " + name + (argument.empty() ? "" : " " + argument) + "\n";
  CHECK(write(connection, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
  char answer[256] = {};
  CHECK(read(connection, answer, sizeof answer - 1) > 0);
  close(connection);
  if (std::string_view(answer) != "ok\n") {
    fmt::print(stderr, "{}{}", line, answer);
    std::abort();
  }
}

void mariadb_as_root(const std::string& statement) {
  engine("sql", "mariadb", statement);
}

}  // namespace hongbao
