#!/usr/bin/env python3
"""What it would pay to wait before a packet, for docs/VERIFICATION.md: by the draws of docs/FORMATS.md, from a seed.

The mean share of each place, and what an onlooker gets who opens once what is left for each share is so many times the
packet's mean. All figures are multiples of that mean.
"""

import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "system"))
import draws  # noqa: E402

PACKETS = 100_000
COUNT = 10
MEANS_FEN = (3, 100)
WAITS_FOR = (1.2, 1.5)


def shares(dice, allocation, total):
    remaining = total
    for left in range(COUNT, 0, -1):
        draw, rounding = dice.getrandbits(64), dice.getrandbits(64)
        share = draws.fair(remaining, left, draw, rounding) if allocation == "fair" else draws.classic(remaining, left, draw)
        yield remaining / left, share
        remaining -= share


def main():
    for allocation in ("classic", "fair"):
        for mean in MEANS_FEN:
            dice = random.Random(1)
            places = [0] * COUNT
            waiting = {ratio: [0, 0] for ratio in WAITS_FOR}  # packets that were opened, and their shares
            for _ in range(PACKETS):
                drawn = list(shares(dice, allocation, mean * COUNT))
                for place, (_, share) in enumerate(drawn):
                    places[place] += share
                for ratio, opened in waiting.items():
                    took = next((share for left, share in drawn if left >= ratio * mean), None)
                    if took is not None:
                        opened[0] += 1
                        opened[1] += took
            print(f"{allocation}, {COUNT} shares of {mean} fen: by place",
                  " ".join(f"{place / PACKETS / mean:.2f}" for place in places))
            for ratio, (opened, taken) in waiting.items():
                print(f"  who sees the amounts and waits for {ratio}: opens {opened / PACKETS:.0%} of packets, for "
                      f"{taken / opened / mean:.2f} each")


if __name__ == "__main__":
    main()
