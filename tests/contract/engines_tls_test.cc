// Engines that talk by TLS and ask for a password: who answers with another's certificate is given nothing, who is
// silent holds nobody up, and what is wrong is said.
#include <gmock/gmock.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <thread>

#include "adapters/nats/connection.h"
#include "adapters/redis/redis_cache.h"
#include "base/scratch_dir.h"
#include "contract/cache_calls.h"
#include "contract/engines.h"
#include "contract/stalling_proxy.h"

namespace hongbao::engines_tls_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::AllOf;
using testing::HasSubstr;

// As in other deployments: the server's authority is known, and nothing else.
mariadb::Server encrypted_mariadb() {
  mariadb::Server server = test_mariadb();
  server.tls = {.ca_file = test_certificate("ca.pem")};
  server.connect_timeout = server.answer_timeout = seconds(1);
  return server;
}

// The answer to a question, or why there is none.
std::string ask_mariadb(const mariadb::Server& server, std::string_view sql) {
  try {
    return mariadb::Database::open(server, "", mariadb::Database::Mode::kRead).text(sql).value_or("nothing");
  } catch (const mariadb::MariadbError& error) {
    return error.what();
  }
}

constexpr std::string_view kCipher =
    "SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_version'";

TEST(MariadbTls, ConnectsEncryptedToTheHostThatTheCertificateNames) {
  mariadb::Server server = encrypted_mariadb();
  EXPECT_EQ(ask_mariadb(server, kCipher), "TLSv1.3");
  server.host = "localhost";
  EXPECT_EQ(ask_mariadb(server, kCipher), "TLSv1.3");
}

TEST(MariadbTls, ShowsItsOwnCertificateWhenItHasOne) {
  mariadb::Server server = encrypted_mariadb();
  server.tls.cert_file = test_certificate("mariadb.pem");
  server.tls.key_file = test_certificate("mariadb.key");
  mariadb_as_root("ALTER USER 'hongbao'@'127.0.0.1' REQUIRE X509");
  const std::string without = ask_mariadb(encrypted_mariadb(), kCipher);
  const std::string with = ask_mariadb(server, kCipher);
  mariadb_as_root("ALTER USER 'hongbao'@'127.0.0.1' REQUIRE NONE");
  EXPECT_THAT(without, HasSubstr("Access denied"));
  EXPECT_EQ(with, "TLSv1.3");
}

TEST(MariadbTls, ACertificateOfAnotherAuthorityIsRefused) {
  mariadb::Server server = encrypted_mariadb();
  server.tls.ca_file = test_certificate("other.pem");
  EXPECT_THAT(ask_mariadb(server, kCipher), AllOf(HasSubstr(server.address()), HasSubstr("TLS/SSL error: ")));
}

TEST(MariadbTls, ACertificateOfAnotherHostIsRefused) {
  mariadb::Server server = encrypted_mariadb();
  server.host = "127.0.0.2";
  EXPECT_THAT(ask_mariadb(server, kCipher), AllOf(HasSubstr("127.0.0.2"), HasSubstr("TLS/SSL error: Validation")));
}

TEST(MariadbTls, AWrongPasswordIsCalledSo) {
  mariadb::Server server = encrypted_mariadb();
  server.password = "another";
  EXPECT_THAT(ask_mariadb(server, kCipher), HasSubstr("Access denied for user"));
}

TEST(MariadbTls, NothingIsSaidInClearToAServerThatOffersNoTls) {
  engine("restart", "mariadb", "--skip-ssl");
  const std::string answer = ask_mariadb(encrypted_mariadb(), kCipher);
  engine("restart", "mariadb");
  EXPECT_THAT(answer, HasSubstr("SSL is required, but the server does not support it"));
}

TEST(MariadbTls, WhoIsSilentInTheHandshakeIsGivenUp) {
  mariadb::Server server = encrypted_mariadb();
  const StallingProxy proxy(server.port, true);
  server.port = proxy.port();
  const auto began = steady_clock::now();
  EXPECT_THAT(ask_mariadb(server, kCipher), HasSubstr("no answer within 1000 ms"));
  EXPECT_LT(steady_clock::now() - began, seconds(3));
}

TEST(MariadbTls, AServerThatEndsIsALostConnection) {
  const mariadb::Server server = encrypted_mariadb();
  auto killed = mariadb::Database::open(server, "", mariadb::Database::Mode::kRead);
  mariadb_as_root("KILL " + killed.text("SELECT CONNECTION_ID()").value());
  auto away = mariadb::Database::open(server, "", mariadb::Database::Mode::kRead);
  const auto ask = [](mariadb::Database& database) -> std::string {
    try {
      return database.text("SELECT 1").value_or("nothing");
    } catch (const mariadb::MariadbError& error) {
      return error.is_connection_lost() ? "lost" : error.what();
    }
  };
  EXPECT_EQ(ask(killed), "lost");
  engine("restart", "mariadb");
  EXPECT_EQ(ask(away), "lost");
  auto frozen = mariadb::Database::open(server, "", mariadb::Database::Mode::kRead);
  engine("freeze", "mariadb");
  EXPECT_EQ(ask(frozen), "lost");
  engine("thaw", "mariadb");
}

uint16_t port_in(const std::string& address) {
  return static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

RedisServer encrypted_redis() {
  return {.host = "127.0.0.1",
          .port = port_in(required_environment("HONGBAO_TEST_REDIS_TLS")),
          .user = "hongbao",
          .password = file_of_environment("HONGBAO_TEST_REDIS_TLS_PASSWORD_FILE"),
          .tls = {.ca_file = test_certificate("ca.pem")}};
}

// "connected", or why not.
std::string try_redis(const RedisServer& server, milliseconds timeout = seconds(2)) {
  std::string error;
  return RedisConnection::open(server, timeout, error) ? "connected" : error;
}

class RedisTlsTest : public testing::Test {
 protected:
  // A write to a connection that the server has closed; programs ignore it.
  RedisTlsTest() { std::signal(SIGPIPE, SIG_IGN); }
};

TEST_F(RedisTlsTest, ConnectsToTheHostThatTheCertificateNames) {
  RedisServer server = encrypted_redis();
  EXPECT_EQ(try_redis(server), "connected");
  server.tls.cert_file = test_certificate("redis_tls.pem");
  server.tls.key_file = test_certificate("redis_tls.key");
  EXPECT_EQ(try_redis(server), "connected");
}

TEST_F(RedisTlsTest, TheCacheKeepsEntriesOfEverySizeAndOutlivesARestart) {
  prometheus::Registry registry;
  RedisOptions options = redis_options();
  options.server = encrypted_redis();
  options.answer_timeout = seconds(2);
  RedisCache cache(options, registry);
  for (const size_t size : {size_t{0}, size_t{1}, size_t{16'383}, size_t{16'384}, size_t{3'000'000}}) {
    const std::string value(size, 'v');
    replace(cache, "key", value, seconds(60));
    EXPECT_EQ(get(cache, "key"), value) << size;
  }
  engine("restart", "redis_tls");
  const auto end = steady_clock::now() + seconds(10);
  while (!ask<std::optional<std::string>>([&](auto done) { cache.get("key", std::move(done)); }).has_value()) {
    ASSERT_LT(steady_clock::now(), end);
  }
  replace(cache, "key", "again", seconds(60));
  EXPECT_EQ(get(cache, "key"), "again");
}

TEST_F(RedisTlsTest, ACertificateOfAnotherAuthorityIsRefused) {
  RedisServer server = encrypted_redis();
  server.tls.ca_file = test_certificate("other.pem");
  EXPECT_THAT(try_redis(server), HasSubstr("the server's certificate is not believed: "));
}

TEST_F(RedisTlsTest, ACertificateOfAnotherHostIsRefused) {
  RedisServer server = encrypted_redis();
  server.host = "localhost";
  EXPECT_THAT(try_redis(server), HasSubstr("not believed: hostname mismatch"));
  server.tls.server_name = "127.0.0.1";
  EXPECT_EQ(try_redis(server), "connected");
  server.tls.server_name = "127.0.0.3";
  EXPECT_THAT(try_redis(server), HasSubstr("not believed: IP address mismatch"));
}

TEST_F(RedisTlsTest, AWrongPasswordIsCalledSo) {
  RedisServer server = encrypted_redis();
  server.password = "another";
  EXPECT_THAT(try_redis(server), HasSubstr("WRONGPASS"));
  server.password = "";
  EXPECT_THAT(try_redis(server), HasSubstr("NOAUTH"));
}

TEST_F(RedisTlsTest, PlainTextAndTlsDoNotMeet) {
  RedisServer server = encrypted_redis();
  server.tls = {};
  EXPECT_NE(try_redis(server), "connected");
  server = encrypted_redis();
  server.port = redis_options().server.port;
  EXPECT_NE(try_redis(server), "connected");
}

TEST_F(RedisTlsTest, WhoIsSilentInTheHandshakeIsGivenUp) {
  RedisServer server = encrypted_redis();
  const StallingProxy proxy(server.port, false);
  server.port = proxy.port();
  const auto began = steady_clock::now();
  EXPECT_EQ(try_redis(server, milliseconds(300)), "no answer in time");
  EXPECT_LT(steady_clock::now() - began, seconds(1));
}

nats::Server encrypted_nats() {
  return {.url = required_environment("HONGBAO_TEST_NATS_TLS"),
          .user = "hongbao",
          .password = file_of_environment("HONGBAO_TEST_NATS_TLS_PASSWORD_FILE"),
          .tls = {.ca_file = test_certificate("ca.pem")}};
}

// "connected", or the setting to look at and why.
std::string try_nats(const nats::Server& server) {
  const auto opened = nats::Connection::open(server, "test");
  return !opened                     ? opened.error().field + " " + opened.error().detail
         : (*opened)->is_connected() ? "connected"
                                     : "not yet connected";
}

TEST(NatsTls, ConnectsToTheHostThatTheCertificateNames) {
  nats::Server server = encrypted_nats();
  EXPECT_EQ(try_nats(server), "connected");
  server.tls.cert_file = test_certificate("nats_tls.pem");
  server.tls.key_file = test_certificate("nats_tls.key");
  EXPECT_EQ(try_nats(server), "connected");
}

TEST(NatsTls, AConnectionOutlivesARestart) {
  const auto connection = nats::Connection::open(encrypted_nats(), "test").value();
  const uint64_t before = connection->generation();
  engine("restart", "nats_tls");
  const auto end = steady_clock::now() + seconds(10);
  while (connection->generation() == before || !connection->is_connected()) {
    ASSERT_LT(steady_clock::now(), end);
    std::this_thread::sleep_for(milliseconds(20));
  }
}

TEST(NatsTls, ACertificateOfAnotherAuthorityIsRefused) {
  nats::Server server = encrypted_nats();
  server.tls.ca_file = test_certificate("other.pem");
  EXPECT_THAT(try_nats(server), HasSubstr("nats.tls_ca_file does not vouch for the NATS server: "));
}

TEST(NatsTls, ACertificateOfAnotherHostIsRefused) {
  nats::Server server = encrypted_nats();
  server.url = "tls://localhost:" + std::to_string(port_in(server.url));
  EXPECT_THAT(try_nats(server), HasSubstr("nats.tls_ca_file does not vouch for the NATS server: "));
  server.tls.server_name = "127.0.0.1";
  EXPECT_EQ(try_nats(server), "connected");
  server.tls.server_name = "elsewhere.example";
  EXPECT_THAT(try_nats(server), HasSubstr("nats.tls_ca_file does not vouch for the NATS server: "));
}

TEST(NatsTls, AWrongPasswordIsCalledSo) {
  nats::Server server = encrypted_nats();
  server.password = "another";
  EXPECT_EQ(try_nats(server), "nats.user is not let in by the NATS server: Authorization Violation");
  server.user = "";
  EXPECT_EQ(try_nats(server), "nats.url is not let in by the NATS server: Authorization Violation");
}

TEST(NatsTls, AFileWithoutCredentialsIsRefused) {
  const ScratchDir scratch;
  nats::Server server = encrypted_nats();
  server.user = server.password = "";
  server.credentials_file = scratch.file("user.creds");
  EXPECT_THAT(try_nats(server), HasSubstr("nats.credentials_file can't be used: "));
  std::ofstream(server.credentials_file) << "nothing of the kind";
  EXPECT_THAT(try_nats(server), HasSubstr("nats.credentials_file can't be used: "));
}

TEST(NatsTls, PlainTextAndTlsDoNotMeet) {
  nats::Server server = encrypted_nats();
  server.url.replace(0, 3, "nats");
  EXPECT_EQ(try_nats(server), "connected") << "the scheme alone says nothing";
  server.tls = {};
  EXPECT_THAT(try_nats(server), HasSubstr("nats.tls_ca_file is missing, and the NATS server wants TLS"));
  server = encrypted_nats();
  server.url = required_environment("HONGBAO_TEST_NATS");
  EXPECT_THAT(try_nats(server), HasSubstr("nats.tls_ca_file is given, and the NATS server has no TLS"));
}

TEST(NatsTls, WhoIsSilentInTheHandshakeIsGivenUp) {
  nats::Server server = encrypted_nats();
  const StallingProxy proxy(port_in(server.url), true);
  server.url = "tls://127.0.0.1:" + std::to_string(proxy.port());
  const auto began = steady_clock::now();
  EXPECT_EQ(try_nats(server), "not yet connected");
  EXPECT_LT(steady_clock::now() - began, seconds(5));
}

}  // namespace
}  // namespace hongbao::engines_tls_test
