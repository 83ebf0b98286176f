"""docs/FORMATS.md in Python: what an auditor does with a revealed seed."""

import hashlib

LEAST = 1
GREATEST = 20_000


def commitment(seed, packet_id):
    return hashlib.blake2b(seed + packet_id.encode(), digest_size=32).hexdigest()


def words(seed, seq):
    digest = hashlib.blake2b(seq.to_bytes(8, "little"), key=seed, digest_size=32).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:16], "little")


def classic(remaining, count, draw):
    if count == 1:
        return remaining
    lower = max(LEAST, remaining - (count - 1) * GREATEST)
    upper = max(1, min(2 * remaining // count, remaining - (count - 1) * LEAST, GREATEST))
    return max(draw % upper, lower)


def fair(remaining, count, draw, rounding):
    if count == 1:
        return remaining
    twice, fraction = divmod(2 * remaining, count)
    twice += 1 if rounding % count < fraction else 0
    lower = max(LEAST, twice - GREATEST, remaining - (count - 1) * GREATEST, twice - (remaining - (count - 1) * LEAST))
    return lower + draw % (twice - 2 * lower + 1)


def shares(seed, total, count, allocation):
    """All shares of a packet in the order of opening."""
    out = []
    remaining = total
    for seq in range(1, count + 1):
        draw, rounding = words(seed, seq)
        left = count - seq + 1
        if allocation == "equal":
            share = total // count + (1 if seq <= total % count else 0)
        elif allocation == "fair":
            share = fair(remaining, left, draw, rounding)
        else:
            share = classic(remaining, left, draw)
        out.append(share)
        remaining -= share
    return out
