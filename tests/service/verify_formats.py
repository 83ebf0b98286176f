#!/usr/bin/python3
"""A verifier written from docs/FORMATS.md alone, with nothing of the product: recomputes the document's test vectors.

    verify_formats.py ROOT

Everything but the sealing of pay tokens, for which Python has no primitive.
"""

import base64
import hashlib
import json
import pathlib
import struct
import sys

DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
MASK = 2**64 - 1
DAY_MS = 86_400_000
UTC_8_MS = 8 * 3_600_000


def rotated(x, bits):
    return ((x << bits) | (x >> (64 - bits))) & MASK


def sip_rounds(v, count):
    for _ in range(count):
        v[0] = (v[0] + v[1]) & MASK
        v[1] = rotated(v[1], 13) ^ v[0]
        v[0] = rotated(v[0], 32)
        v[2] = (v[2] + v[3]) & MASK
        v[3] = rotated(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & MASK
        v[3] = rotated(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & MASK
        v[1] = rotated(v[1], 17) ^ v[2]
        v[2] = rotated(v[2], 32)


def siphash(key, data, size):
    """SipHash-2-4 with `size` bytes of output, 8 or 16."""
    k0, k1 = struct.unpack("<QQ", key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]
    if size == 16:
        v[1] ^= 0xEE
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        sip_rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xEE if size == 16 else 0xFF
    sip_rounds(v, 4)
    out = struct.pack("<Q", v[0] ^ v[1] ^ v[2] ^ v[3])
    if size == 16:
        v[1] ^= 0xDD
        sip_rounds(v, 4)
        out += struct.pack("<Q", v[0] ^ v[1] ^ v[2] ^ v[3])
    return out


def siphash64(key, data):
    return int.from_bytes(siphash(key, data, 8), "little")


def blake2b(data, key=b""):
    return hashlib.blake2b(data, key=key, digest_size=32).digest()


def base32(value, digits):
    return "".join(DIGITS[value >> 5 * i & 31] for i in reversed(range(digits)))


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def subkey(master, number, size):
    salt = struct.pack("<QQ", number, 0)
    return hashlib.blake2b(b"", key=master, digest_size=size, salt=salt, person=b"hongbao_" + bytes(8)).digest()


def u64(value):
    return struct.pack("<Q", value)


def blob(data):
    return u64(len(data)) + data


def least_and_greatest(left, count):
    return max(1, left - (count - 1) * 20_000), left - (count - 1)


def share(rule, total, left, seq, count, draw, rounding):
    if rule == "equal":
        return total // count + (1 if seq <= total % count else 0)
    m = count - seq + 1
    if m == 1:
        return left
    lower, rest = least_and_greatest(left, m)
    if rule == "classic":
        return max(draw % max(1, min(2 * left // m, rest, 20_000)), lower)
    u = 2 * left // m + (1 if rounding % m < 2 * left % m else 0)
    lower = max(lower, u - 20_000, u - rest)
    return lower + draw % (u - 2 * lower + 1)


def words(seed, seq):
    hashed = blake2b(u64(seq), key=seed)
    return struct.unpack("<QQ", hashed[:16])


def splits(seed, wanted):
    shares = []
    for seq in range(1, wanted["count"] + 1):
        left = wanted["total"] - sum(shares)
        shares.append(share(wanted["rule"], wanted["total"], left, seq, wanted["count"], *words(seed, seq)))
    return shares


def keys(v, master):
    names = {1: "packet_tag", 2: "ticket", 3: "pay_token", 4: "page_token", 5: "key_id"}
    return all(subkey(master, n, len(v["keys"][name]) // 2).hex() == v["keys"][name] for n, name in names.items())


def packet_id(v, master):
    p = v["packet_id"]
    day, ms_of_day = divmod(p["at_unix_ms"] + UTC_8_MS, DAY_MS)
    local = (p["epoch"] % 2**14 << 30) + 8 * ms_of_day
    body = f"{p['shard']}-{p['day'][2:]}-{base32(local, 9)}"
    tag = siphash64(subkey(master, 1, 16), body.encode()) % 2**40
    return (day, str(local), f"{body}-{base32(tag, 8)}") == (p["day_since_epoch"], p["local"], p["id"])


def draws(v, _master):
    d = v["draws"]
    seed = bytes.fromhex(d["seed"])
    return blake2b(seed + d["packet_id"].encode()).hex() == d["commitment"] and all(
        words(seed, w["seq"]) == (int(w["draw"]), int(w["rounding"])) for w in d["words"])


def all_splits(v, _master):
    seed = bytes.fromhex(v["draws"]["seed"])
    return all(splits(seed, wanted) == wanted["shares"] for wanted in v["splits"])


def ticket(v, master):
    t, p = v["ticket"], v["packet_id"]
    at_s = t["expires_unix_s"]
    data = struct.pack("<qQiHH", at_s, int(p["local"]), p["day_since_epoch"], int(p["shard"][1:]), ord(p["shard"][0]))
    hashed = siphash(subkey(master, 2, 16), data + t["user"].encode(), 16)
    return base64url(at_s.to_bytes(5, "big") + hashed) == t["ticket"]


def pay_token(v, _master):
    p = v["pay_token"]
    raw = base64.urlsafe_b64decode(p["token"] + "=" * (-len(p["token"]) % 4))
    plain = json.loads(p["plain"])
    return (raw[:24].hex() == p["nonce"] and len(raw) == 24 + len(p["plain"]) + 16 and plain[14:] == ["family", "south"]
            and plain[13] == base64url(bytes.fromhex(v["hashes"]["send_key"])))


def page_token(v, master):
    g = v["page_token"]
    text = f"{g['page']}/{g['at_unix_ms']}/{g['tie']}/{g['scope']}"
    tag = siphash64(subkey(master, 4, 16), text.encode()) % 2**60
    token = base32(g["page"], 2) + base32(g["at_unix_ms"], 13) + base32(int(g["tie"]), 13) + base32(tag, 12)
    return int(g["tie"]) == 7 * 2**52 + 99 and token == g["token"]


def hashes(v, _master):
    h = v["hashes"]
    return (blake2b(f"send/{h['sender']}/{h['idempotency_key']}".encode())[:16].hex() == h["send_key"]
            and blake2b(h["request"].encode()).hex() == h["fingerprint"])


def shard_choice(v, _master):
    def score(shard, key):
        hash_key = shard[0].encode() + struct.pack("<H", int(shard[1:])) + bytes(13)
        return siphash64(hash_key, key.encode())

    c = v["shard_choice"]
    return all(max(c["shards"], key=lambda s: score(s, key)) == shard for key, shard in c["chosen"].items())


def transfer_ids(v, _master):
    t, sent_id = v["transfer_ids"], v["packet_id"]["id"]
    return (t["deposit"], t["wallet_payment"], t["channel_payment"], t["voucher"]) == (
        "deposit:alice:key-1", f"pay:{sent_id}", "channel:wechat:p-1", "voucher:s007:000000000099")


def day_checksum(v, _master):
    c = v["day_checksum"]
    order = json.loads(v["pay_token"]["plain"])
    local, sender, recipient, total = order[3], order[4].encode(), order[5].encode(), order[8]
    paid_at = c["paid_at_unix_ms"]
    rows = u64(local) + blob(sender) + blob(recipient) + u64(order[6]) + u64(order[7]) + u64(total) + u64(order[9])
    rows += blob(bytes.fromhex(v["draws"]["seed"])) + u64(order[11]) + u64(order[12])
    rows += u64(paid_at) + u64(c["expires_at_unix_ms"]) + u64(3) + blob(order[14].encode()) + blob(order[15].encode()) + blob(b"s0")
    for no, kind, seq, user, paid_in in ((98, 1, 0, sender, b"s0"), (99, 2, 1, recipient, b"")):
        rows += u64(no) + u64(local) + u64(kind) + u64(seq) + blob(user) + u64(total) + u64(paid_at)
        rows += blob(b"south") + blob(paid_in)
    return blake2b(rows).hex() == c["checksum"]


def cache_record(v, _master):
    r = v["cache_record"]
    texts = [r["nickname"].encode(), r["avatar"].encode()]
    body = bytes([8]) + b"".join(bytes([len(text)]) + text for text in texts)  # lengths below 128
    key = siphash(bytes(16), r["key"].encode(), 16)
    return (body + u64(siphash64(key, body))).hex() == r["record"]


CHECKS = {"keys": keys, "packet_id": packet_id, "draws": draws, "splits": all_splits, "ticket": ticket,
          "pay_token": pay_token, "page_token": page_token, "hashes": hashes, "shard_choice": shard_choice,
          "transfer_ids": transfer_ids, "day_checksum": day_checksum, "cache_record": cache_record}


def main(root):
    text = (pathlib.Path(root) / "docs" / "FORMATS.md").read_text()
    vectors = json.loads(text[text.rindex("```json\n") + len("```json\n"):text.rindex("\n```")])
    master = bytes.fromhex(vectors["keys"]["master"])
    wrong = [name for name in sorted(CHECKS.keys() | vectors.keys())
             if name not in vectors or name not in CHECKS or not CHECKS[name](vectors, master)]
    for name in wrong:
        print(f"docs/FORMATS.md: {name} is not what the document says")
    print(f"{len(CHECKS) - len(wrong)} of {len(CHECKS)} vectors as the document says")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
