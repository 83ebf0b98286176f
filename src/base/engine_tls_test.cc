#include "base/engine_tls.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <fstream>

#include "base/scratch_dir.h"

namespace hongbao {
namespace {

TEST(EngineTlsTest, LoopbackIsWhatCannotLeaveTheMachine) {
  for (const char* host : {"127.0.0.1", "127.255.0.3", "::1", "localhost"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  for (const char* host : {"", "0.0.0.0", "10.0.0.1", "128.0.0.1", "::", "::2", "fe80::1", "127.0.0.1.example",
                           "localhost.example", "localhosts", "db1", "127.1"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

TEST(EngineTlsTest, FilesThatHoldSomethingElseAreRefusedByName) {
  const ScratchDir scratch;
  const std::string garbage = scratch.file("garbage.pem");
  std::ofstream(garbage) << "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  for (const std::string& file : {garbage, scratch.file("none.pem")}) {
    const auto made = make_tls_context({.ca_file = file});
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().code, ErrorCode::kConfig);
    EXPECT_EQ(made.error().field, "ca_file");
    EXPECT_EQ(made.error().detail, "holds no certificate in PEM");
  }
}

}  // namespace
}  // namespace hongbao
