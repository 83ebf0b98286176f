#include "service/inbox_heads.h"

#include "base/check.h"
#include "core/limits.h"
#include "service/cache_record.h"

namespace hongbao {
namespace {

constexpr std::string_view kSentKey = "inbox:sent:";
constexpr std::string_view kReceivedKey = "inbox:received:";

std::string key_of(std::string_view list, const UserId& user) {
  std::string key(list);
  key += user.text();
  return key;
}

template <class Entry>
struct ListOf;

template <>
struct ListOf<SentEntry> {
  static constexpr std::string_view kKey = kSentKey;
  static constexpr RecordLayout kLayout = RecordLayout::kSentHead;

  static void print(RecordWriter& out, const SentEntry& entry) {
    out.money(entry.total);
    out.money(entry.refunded);
    out.time(entry.paid_at);
    out.number(entry.voucher.value);
  }
  static void parse(RecordReader& in, SentEntry& entry) {
    entry.total = in.money();
    entry.refunded = in.money();
    entry.paid_at = in.time();
    entry.voucher = VoucherNo{in.number(INT64_MAX)};
  }
};

template <>
struct ListOf<ReceivedEntry> {
  static constexpr std::string_view kKey = kReceivedKey;
  static constexpr RecordLayout kLayout = RecordLayout::kReceivedHead;

  static void print(RecordWriter& out, const ReceivedEntry& entry) {
    out.number(entry.seq);
    out.money(entry.amount);
    out.time(entry.opened_at);
    out.number(entry.voucher.value);
  }
  static void parse(RecordReader& in, ReceivedEntry& entry) {
    entry.seq = static_cast<uint32_t>(in.number(kSharesPerPacketMax));
    entry.amount = in.money();
    entry.opened_at = in.time();
    entry.voucher = VoucherNo{in.number(INT64_MAX)};
  }
};

template <class Entry>
std::string print(const std::vector<Entry>& entries, std::string_view kept_at, const PacketIdCodec& ids) {
  RecordWriter out(ListOf<Entry>::kLayout, kept_at);
  out.number(entries.size());
  for (const Entry& entry : entries) {
    out.text(ids.print(entry.packet));
    ListOf<Entry>::print(out, entry);
  }
  return std::move(out).finish();
}

// nullopt for anything that `print` did not make for this cache key.
template <class Entry>
std::optional<std::vector<Entry>> parse(std::string_view record, std::string_view kept_at, const PacketIdCodec& ids) {
  RecordReader in(record, ListOf<Entry>::kLayout, kept_at);
  std::vector<Entry> entries(in.number(InboxHeads::kEntriesMax));
  for (Entry& entry : entries) {
    const auto packet = ids.parse(in.text());
    if (!packet) {
      return std::nullopt;
    }
    entry.packet = *packet;
    ListOf<Entry>::parse(in, entry);
  }
  return in.complete() ? std::optional(std::move(entries)) : std::nullopt;
}

}  // namespace

InboxHeads::InboxHeads(Cache& cache, const PacketIdCodec& ids, const Clock& clock, prometheus::Registry& registry)
    : cache_(cache),
      ids_(ids),
      clock_(clock),
      reads_(registry, "lists"),
      erases_lost_(add_counter(registry, "hongbao_cache_erases_lost_total",
                               "Changed lists that the cache may go on showing for a while.")) {}

template <class Entry>
void InboxHeads::claim(const UserId& user, std::move_only_function<void(Head<Entry>)> done) {
  const std::string kept_at = key_of(ListOf<Entry>::kKey, user);
  cache_.get_or_claim(kept_at, [this, kept_at, done = std::move(done)](Result<Cache::Claimed> claimed) mutable {
    Head<Entry> head;
    head.token = claimed ? claimed->token : 0;
    const auto read =
        claimed ? Result<std::optional<std::string>>(std::move(claimed->value)) : std::unexpected(claimed.error());
    head.entries = reads_.count(read, [&](const std::string& record) { return parse<Entry>(record, kept_at, ids_); });
    done(std::move(head));
  });
}

template <class Entry>
void InboxHeads::fill(const UserId& user, uint64_t token, const std::vector<Entry>& entries) {
  CHECK(token != 0 && entries.size() <= kEntriesMax);
  const std::string kept_at = key_of(ListOf<Entry>::kKey, user);
  cache_.fill(kept_at, token, print(entries, kept_at, ids_), kTtl, [](Result<bool>) {});
}

template void InboxHeads::claim(const UserId&, std::move_only_function<void(Head<SentEntry>)>);
template void InboxHeads::claim(const UserId&, std::move_only_function<void(Head<ReceivedEntry>)>);
template void InboxHeads::fill(const UserId&, uint64_t, const std::vector<SentEntry>&);
template void InboxHeads::fill(const UserId&, uint64_t, const std::vector<ReceivedEntry>&);

void InboxHeads::changed(std::span<const Voucher> vouchers) {
  const std::scoped_lock lock(mutex_);
  for (const Voucher& voucher : vouchers) {
    if (changed_.size() >= kErasesWaitingMax) {
      erases_lost_.Increment();
    } else {
      changed_.insert(key_of(voucher.kind == VoucherKind::kOpened ? kReceivedKey : kSentKey, voucher.user));
    }
  }
}

void InboxHeads::erase_changed() {
  std::vector<std::string> keys;
  {
    const std::scoped_lock lock(mutex_);
    if (changed_.empty() || erasing_ || clock_.steady_now() < erase_at_) {
      return;
    }
    keys.assign(changed_.begin(), changed_.end());
    changed_.clear();
    erasing_ = true;
  }
  std::vector<std::string> kept = keys;
  cache_.erase(std::move(keys), [this, kept = std::move(kept)](Result<void> result) mutable {
    erased(std::move(result), std::move(kept));
  });
}

void InboxHeads::erased(Result<void> erased, std::vector<std::string> keys) {
  {
    const std::scoped_lock lock(mutex_);
    erasing_ = false;
    if (!erased) {
      erase_at_ = clock_.steady_now() + kEraseRetryPause;
      for (std::string& key : keys) {
        if (changed_.size() >= kErasesWaitingMax) {
          erases_lost_.Increment();
        } else {
          changed_.insert(std::move(key));
        }
      }
      return;
    }
  }
  erase_changed();  // what has gathered meanwhile
}

}  // namespace hongbao
