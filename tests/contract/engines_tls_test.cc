// Engines that talk by TLS and ask for a password: who answers with another's certificate is given nothing, who is
// silent holds nobody up, and what is wrong is said.
#include <gmock/gmock.h>

#include <chrono>

#include "contract/engines.h"
#include "contract/stalling_proxy.h"

namespace hongbao::engines_tls_test {
namespace {

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

}  // namespace
}  // namespace hongbao::engines_tls_test
