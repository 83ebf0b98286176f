// Grabbing and opening. A grab is answered from memory and gives a ticket; an open goes through the packet gate to the
// shard, and is answered after the commit. Any thread; callbacks run inline or on the shard's writer thread.
#pragma once

#include <optional>
#include <string>

#include "core/open.h"
#include "core/ticket.h"
#include "ports/control.h"
#include "service/frozen_accounts.h"
#include "service/residency.h"

namespace hongbao {

struct GrabAnswer {
  OpenOutcome outcome = OpenOutcome::kExhausted;
  std::string ticket{};           // kTicket
  Timestamp ticket_expires_at{};  // kTicket
  std::optional<Share> share{};   // kOpened
};

class Opening {
 public:
  Opening(const ShardSet& shards, const Residency& residency, const FrozenAccounts& frozen, const TicketCodec& tickets,
          const Control& control, const Clock& clock, std::chrono::milliseconds ticket_ttl)
      : shards_(shards),
        residency_(residency),
        frozen_(frozen),
        tickets_(tickets),
        control_(control),
        clock_(clock),
        ticket_ttl_(ticket_ttl) {}

  // Who is frozen is still told of the share drawn before, but draws none. Errors: kSwitchedOff, kAccountFrozen,
  // kNotInGroup, those of Residency::find.
  void grab(const PacketKey& key, const Asker& asker, SteadyTime deadline, Done<GrabAnswer> done) const;

  // Again, by the same user: the same share. Errors: kSwitchedOff, kTicketInvalid, kTicketExpired, kAccountFrozen,
  // kPacketBusy, kNotInGroup, kForbidden (exclusive, and not for this user), kNotFound, those of Shard::submit.
  void open(const PacketKey& key, const Asker& asker, std::string_view ticket, SteadyTime deadline,
            Done<OpenAnswer> done) const;

 private:
  // `seen`: what the packet gate says; nullopt, the packet is not resident though it was just loaded.
  [[nodiscard]] Result<GrabAnswer> answer_grab(std::optional<OpenAnswer> seen, const PacketKey& key,
                                               const Asker& asker) const;
  void open_in_shard(Shard& shard, const PacketKey& key, const Asker& asker, OpenPermit permit, SteadyTime deadline,
                     Done<OpenAnswer> done) const;

  const ShardSet& shards_;
  const Residency& residency_;
  const FrozenAccounts& frozen_;
  const TicketCodec& tickets_;
  const Control& control_;
  const Clock& clock_;
  const std::chrono::milliseconds ticket_ttl_;
};

}  // namespace hongbao
