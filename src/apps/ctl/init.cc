#include "apps/ctl/init.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "base/crypto.h"

namespace hongbao {
namespace {

constexpr const char* kTemplate =
    R"(# Hongbao's settings, with the defaults. The environment overrides them: HONGBAO_SERVER_LISTEN for server.listen.
# Relative paths begin at the directory of this file.

[server]
listen = "127.0.0.1:8080"
io_threads = 2
worker_threads = 2                # for reads of ledger and inbox
connections_max = 10000
header_bytes_max = 8192
body_bytes_max = 16384
pipelined_requests_max = 64       # of one connection
request_timeout_ms = 10000        # from a request's first byte to its last
idle_timeout_ms = 75000           # longer than the balancer before it keeps a connection idle: commonly 60 s
drain_timeout_ms = 10000          # for answers that are due when the server stops

[admin]
listen = "127.0.0.1:8081"         # keep it on loopback
token_file = "secrets/admin.token"

[auth]
jwt_secret_file = "secrets/jwt.secret"    # shared with the app's back end, which signs users' tokens (HS256)
#jwt_previous_secret_file = "secrets/jwt.previous.secret"    # good as well, while jwt_secret_file is being changed
leeway_s = 5                      # for clocks that differ, on a token's exp and nbf
#issuer = ""                      # what a token's iss must be; any when it is not given
#audience = ""                    # what a token's aud must name; any when it is not given
master_key_file = "secrets/master.key"    # packet tags, tickets, pay tokens; losing it orphans every packet id

[channels.demo]                   # a payment channel; its name is free
secret_file = "secrets/channel-demo.secret"
#previous_secret_file = "secrets/channel-demo.previous.secret"    # good as well, while secret_file is being changed

[data]
dir = "data"                      # of the embedded engines

[node]
engines = "embedded"              # or "distributed": several nodes on MariaDB, Redis and NATS
name = "node"                     # of this node; each has its own
listen = "127.0.0.1:8082"         # for the other nodes; keep it on a private network
#address = "127.0.0.1:8082"       # where they reach it, when that is not node.listen
lease_ms = 3000                   # a node that is silent for so long lives no more, and others take its shards
beat_ms = 300
leave_ms = 2000                   # how long a node that stops still forwards what comes for its shards

[mariadb]                         # distributed; HOST:PORT
orders = "127.0.0.1:3306"         # or several, separated by commas: shards are dealt over them by number
#cold = "127.0.0.1:3306"          # where a shard's orders are, when it is not given
#ledger = "127.0.0.1:3306"        # the first of orders, when it is not given; and so is inbox
#inbox = "127.0.0.1:3306"
user = "hongbao"
#password_file = "secrets/mariadb.password"

[redis]                           # distributed
address = "127.0.0.1:6379"
timeout_ms = 200
#password_file = "secrets/redis.password"

[nats]                            # distributed
url = "nats://127.0.0.1:4222"
replicas = 1                      # servers that keep the voucher stream and the switches
stream_age_max_s = 3600           # older vouchers, and those beyond stream_mib_max, are read from the log
stream_mib_max = 4096

[region]
name = "south"

[shards]
count = 4
mailbox_commands_max = 16384
batch_commands_max = 1024
#gather_us = 0                    # a batch gathers for so long after a commit; 2000 when distributed
packet_opens_in_flight_max = 4096
resident_mib_max = 512            # packets in memory, for each shard
command_timeout_ms = 5000

[packets]
ttl_ms = 86400000                 # from payment to refund: 24 h
payable_ms = 900000               # from sending to the last moment of payment
ticket_ttl_ms = 300000

[settlement]
batch_vouchers_max = 2048
deferral_ms = 1000                # first pause before a refused transfer is tried again; it doubles …
deferral_max_ms = 3600000         # … up to this

[refunds]
interval_ms = 1000

[reconciliation]
interval_ms = 2000
grace_ms = 5000                   # younger payments are taken to be on their way

[audit]
interval_ms = 60000

[archive]                         # old days move to cold storage
hot_days = 30                     # today is the first of them; 0: a day moves when its packets have finished
interval_ms = 600000
rows_per_s_max = 20000            # read and written for it

[cache]
mib_max = 256
sends_per_user_max = 10000        # remembered; the user's oldest are forgotten first

[log]
level = "info"
)";

std::string random_hex(size_t bytes) {
  std::string random(bytes, '\0');
  random_bytes({reinterpret_cast<uint8_t*>(random.data()), random.size()});
  return to_hex(as_bytes(random));
}

std::string words(int error) {
  return std::generic_category().message(error);
}

struct NewFile {
  std::string path;
  std::string text;
  mode_t mode;
};

// Never overwrites.
Result<void> write_file(const NewFile& wanted) {
  const auto& [path, text, mode] = wanted;
  const int file = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
  if (file < 0) {
    return fail(ErrorCode::kConfig, fmt::format("cannot create {}: {}", path, words(errno)), "DIR");
  }
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  if (::close(file) == 0 && written) {
    return {};
  }
  ::unlink(path.c_str());
  return fail(ErrorCode::kConfig, fmt::format("cannot write {}: {}", path, words(written ? errno : error)), "DIR");
}

}  // namespace

Result<std::string> init_directory(const std::string& directory) {
  std::error_code error;
  std::string dir = std::filesystem::absolute(directory, error).string();
  while (dir.size() > 1 && dir.ends_with('/')) {
    dir.pop_back();
  }
  std::filesystem::create_directories(dir + "/secrets", error);
  if (error) {
    return fail(ErrorCode::kConfig, fmt::format("cannot create {}: {}", dir, error.message()), "DIR");
  }
  std::filesystem::permissions(dir + "/secrets", std::filesystem::perms::owner_all, error);
  const std::string config = dir + "/hongbao.toml";
  const std::array<NewFile, 5> files{{
      {config, kTemplate, 0644},
      {dir + "/secrets/master.key", random_hex(32) + "\n", 0600},
      {dir + "/secrets/jwt.secret", random_hex(32) + "\n", 0600},
      {dir + "/secrets/admin.token", random_hex(24) + "\n", 0600},
      {dir + "/secrets/channel-demo.secret", random_hex(32) + "\n", 0600},
  }};
  for (size_t i = 0; i < files.size(); ++i) {
    if (auto written = write_file(files[i]); !written) {
      for (size_t made = 0; made < i; ++made) {  // all or nothing, so that it can be tried again
        ::unlink(files[made].path.c_str());
      }
      return std::unexpected(written.error());
    }
  }
  return config;
}

}  // namespace hongbao
