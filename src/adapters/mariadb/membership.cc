#include "adapters/mariadb/membership.h"

#include <fmt/format.h>

#include "adapters/mariadb/order_rows.h"
#include "base/check.h"

namespace hongbao::mariadb {

namespace {

constexpr std::chrono::seconds kBeatTimeout{1};  // much less than a lease

}  // namespace

const std::vector<SchemaStep>& member_schema_steps() {
  static const std::vector<SchemaStep> steps{
      {
          "CREATE TABLE IF NOT EXISTS member(node VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY, "
          "address "
          "VARCHAR(255) NOT NULL, incarnation BIGINT UNSIGNED NOT NULL, lease_until BIGINT NOT NULL) ENGINE = InnoDB",
      },
      {
          "CREATE TABLE IF NOT EXISTS deployment(id TINYINT PRIMARY KEY, master_key_id CHAR(32) CHARACTER SET ascii "
          "COLLATE "
          "ascii_bin NOT NULL) ENGINE = InnoDB",
      },
      {
          "ALTER TABLE member ADD COLUMN IF NOT EXISTS facts VARCHAR(2000) NOT NULL DEFAULT ''",
      }};
  return steps;
}

Membership::Session::Session(Database opened)
    : database(std::move(opened)),
      // `incarnation` first: assignments are made from left to right, and it then tells whether this beat counts.
      upsert(database.prepare(fmt::format(
          "INSERT INTO member(node, address, facts, incarnation, lease_until) VALUES (?, ?, ?, ?, {0} + ?) ON "
          "DUPLICATE KEY UPDATE incarnation = IF(incarnation <= VALUES(incarnation) OR lease_until <= {0}, "
          "VALUES(incarnation), incarnation), address = IF(incarnation = VALUES(incarnation), "
          "VALUES(address), address), facts = IF(incarnation = VALUES(incarnation), VALUES(facts), facts), "
          "lease_until = IF(incarnation = VALUES(incarnation), "
          "VALUES(lease_until), lease_until)",
          kNow_ms))),
      incarnation(database.prepare("SELECT incarnation FROM member WHERE node = ?")),
      alive(database.prepare(
          fmt::format("SELECT node, address, facts FROM member WHERE lease_until > {} ORDER BY node", kNow_ms))),
      known(database.prepare(
          fmt::format("SELECT node, address, lease_until - {0} FROM member WHERE lease_until > 0 AND lease_until > {0} "
                      "- ? ORDER BY node",
                      kNow_ms))),
      leave(database.prepare("UPDATE member SET lease_until = 0 WHERE node = ? AND incarnation = ?")) {}

Result<std::unique_ptr<Membership>> Membership::open(const Server& server, const DatabaseName& database) {
  if (auto ready = require_schema(server, database); !ready) {
    return std::unexpected(ready.error());
  }
  Server impatient = server;
  impatient.connect_timeout = kBeatTimeout;
  impatient.answer_timeout = kBeatTimeout;
  return std::unique_ptr<Membership>(new Membership(std::move(impatient), database.name));
}

template <class Function>
auto Membership::use(std::string_view what, Function function) {
  auto result = guarded(what, [&] {
    if (!session_) {
      session_.emplace(Database::open(server_, name_, Database::Mode::kWrite));
    }
    return function(*session_);
  });
  if (!result) {
    session_.reset();
  }
  return result;
}

std::vector<Member> Membership::read_alive(Session& session) {
  Rows rows = session.alive.query();
  std::vector<Member> members;
  while (rows.next()) {
    members.push_back({std::string(rows.text(0)), std::string(rows.text(1)), std::string(rows.text(2))});
  }
  return members;
}

Result<std::vector<Member>> Membership::beat(const Member& self, uint64_t incarnation,
                                             std::chrono::milliseconds lease) {
  auto members = use("membership.beat", [&](Session& session) -> std::optional<std::vector<Member>> {
    (void)session.upsert.run(self.node, self.address, self.facts, incarnation, lease.count());
    session.database.commit();
    uint64_t found = 0;
    {
      Rows rows = session.incarnation.query(self.node);
      found = rows.next() ? rows.count(0) : 0;  // gone: another process has the name, and has left
    }
    auto alive = read_alive(session);
    session.database.commit();  // ends what the readings began
    return found == incarnation ? std::optional(std::move(alive)) : std::nullopt;
  });
  if (!members) {
    return std::unexpected(members.error());
  }
  return *members ? Result<std::vector<Member>>(std::move(**members))
                  : fail(ErrorCode::kFenced, "a later process has the name " + self.node);
}

Result<std::vector<Member>> Membership::members() {
  return use("membership.members", [](Session& session) {
    auto alive = read_alive(session);
    session.database.commit();
    return alive;
  });
}

Result<std::vector<KnownMember>> Membership::known(std::chrono::milliseconds memory) {
  return use("membership.known", [&](Session& session) {
    std::vector<KnownMember> known;
    {
      Rows rows = session.known.query(memory.count());
      while (rows.next()) {
        known.push_back(
            {{std::string(rows.text(0)), std::string(rows.text(1))}, std::chrono::milliseconds(rows.integer(2))});
      }
    }
    session.database.commit();
    return known;
  });
}

Result<void> Membership::leave(std::string_view node, uint64_t incarnation) {
  return use("membership.leave", [&](Session& session) {
    (void)session.leave.run(node, incarnation);
    session.database.commit();
  });
}

}  // namespace hongbao::mariadb
