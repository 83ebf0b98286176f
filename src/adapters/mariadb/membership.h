// The membership of the nodes that use one database server: one row a node, by the server's clock.
//
// A server that does not answer within a second is given up: a node that asked on would miss its beats at other
// servers.
//
// Threads: one at a time. Errors: kStorage with MariaDB's words.
#pragma once

#include <memory>
#include <optional>

#include "adapters/mariadb/schema.h"
#include "ports/membership.h"

namespace hongbao::mariadb {

class Membership final : public hongbao::Membership {
 public:
  static constexpr size_t kConnections = 1;  // opened at most

  // kConfig: the database is missing or of another version.
  static Result<std::unique_ptr<Membership>> open(const Server& server, const DatabaseName& database);

  Result<std::vector<Member>> beat(const Member& self, uint64_t incarnation, std::chrono::milliseconds lease) override;
  Result<std::vector<Member>> members() override;
  Result<std::vector<KnownMember>> known(std::chrono::milliseconds memory) override;
  Result<void> leave(std::string_view node, uint64_t incarnation) override;

 private:
  struct Session {
    explicit Session(Database opened);
    Database database;
    Statement upsert;
    Statement incarnation;
    Statement alive;
    Statement known;
    Statement leave;
  };
  Membership(Server server, std::string database) : server_(std::move(server)), name_(std::move(database)) {}
  // Runs `function(Session&)`; after an error the connection is dropped, and made again by the next call.
  template <class Function>
  auto use(std::string_view what, Function function);
  static std::vector<Member> read_alive(Session& session);

  const Server server_;
  const std::string name_;
  std::optional<Session> session_;
};

}  // namespace hongbao::mariadb
