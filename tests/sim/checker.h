// What must be true when a run has settled, from the record of what callers were told against what the stores hold. It
// never looks into the product's memory. One thread.
#pragma once

#include "sim/environment.h"
#include "sim/process.h"
#include "sim/record.h"

namespace hongbao::sim {

class Checker {
 public:
  Checker(Environment& env, Engines& engines, const Record& record, const std::vector<UserId>& users);

  void check();

 private:
  void check_shard(OrderStore& store);
  void check_packet(const StoredPacket& packet, const std::vector<Voucher>& log);
  void check_shares(const StoredPacket& packet);
  void check_sends();
  [[nodiscard]] bool is_sent_otherwise(const PacketRecord& told) const;
  void check_told(const PacketRecord& told, const StoredPacket* packet);
  void check_wallet(const UserId& user);
  void check_inbox(const UserId& user);
  void check_years(const UserId& user);
  [[nodiscard]] const StoredPacket* stored(const PacketKey& key) const;
  void expect(bool holds, std::string_view rule, const std::string& where);

  Environment& env_;
  Engines& engines_;
  const Record& record_;
  const std::vector<UserId>& users_;
  std::map<PacketKey, StoredPacket> packets_;  // as the stores have them
  std::map<PacketKey, Voucher> paid_;          // their `paid` vouchers
};

}  // namespace hongbao::sim
