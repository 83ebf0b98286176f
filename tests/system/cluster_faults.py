"""What the tests of a whole region share: a region of the built binaries on real engines, a night played against it
through its balancer, and a prober that opens a share of every shard again and again and says how long that was refused.
"""

import itertools
import pathlib
import random
import sys
import tempfile
import threading
import time
import unittest
from http.client import HTTPException

from faults import Night, option
from hongbao_client import Client, user_token
from system import OPTIONS

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy"))
from region import Region  # noqa: E402

SHARDS = 4  # `hongbaoctl init` gives as many
PROBE_SHARES = 5_000
PROBE_PAUSE_S = 0.03
PROBE_TIMEOUT_S = 2


class Target:
    """What a Night plays against."""

    def __init__(self, region, scratch):
        self.directory = region.directory
        self.scratch = scratch
        self.public = region.haproxy.address
        # The last node: tests rather strike the first.
        self.admin = region.nodes[-1].admin


class Prober:
    """Opens a share of one packet in every shard, each by a new user, through the balancer, and keeps when it was
    answered. `gaps` are the longest times without an answered open."""

    def __init__(self, target):
        self.target = target
        secrets = target.directory / "secrets"
        self.jwt_secret = (secrets / "jwt.secret").read_bytes().strip()
        self.admin_token = (secrets / "admin.token").read_text().strip()
        self.packets = self._send_packets()
        self.answered = {shard: [time.monotonic()] for shard in self.packets}
        self.refused = []  # what else was answered, or why nothing was
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._probe, args=(shard,), daemon=True) for shard in self.packets]
        for thread in self._threads:
            thread.start()

    def _send_packets(self):
        """One packet in each shard, by id."""
        with Client(self.target.admin, self.admin_token) as operator:
            operator.post("/admin/v1/wallets/prober:deposit", {"amount": 10_000_000})
        packets = {}
        keys = time.monotonic_ns()  # another prober's packets are paid already
        with Client(self.target.public, user_token("prober", self.jwt_secret)) as sender:
            for number in itertools.count():
                if len(packets) == SHARDS:
                    return packets
                sent = sender.send(f"{keys}-{number}", kind="lucky", total_amount=PROBE_SHARES * 10, count=PROBE_SHARES)
                assert sent.status == 201, sent
                packet = sent.body["packet"]["id"]
                if packet[:4] not in packets:
                    assert sender.pay(packet, sent.body["pay_token"]).status == 200
                    packets[packet[:4]] = packet

    def _probe(self, shard):
        for number in itertools.count():
            user = f"probe-{shard}-{number}"
            if self._stop.is_set():
                return
            try:
                with Client(self.target.public, user_token(user, self.jwt_secret), timeout_s=PROBE_TIMEOUT_S) as client:
                    answer = client.grab(self.packets[shard])
                    if answer.status == 200:
                        answer = client.open(self.packets[shard], answer.body["ticket"])
                    if answer.status == 200:
                        self.answered[shard].append(time.monotonic())
                    else:
                        self.refused.append(repr(answer))
            except (OSError, HTTPException) as error:
                self.refused.append(repr(error))
            self._stop.wait(PROBE_PAUSE_S)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def gaps(self, since):
        """Seconds, by shard: the longest time without an answered open after `since`."""
        end = time.monotonic()
        gaps = {}
        for shard, answered in self.answered.items():
            times = [since, *(at for at in answered if at > since), end]
            gaps[shard] = max(later - earlier for earlier, later in itertools.pairwise(times))
        return gaps


class RegionTest(unittest.TestCase):
    nodes = 2
    settings = {}
    cold = False  # a MariaDB server of their own for cold days

    def setUp(self):
        self.seed = option("HONGBAO_SEED", random.SystemRandom().randrange(1 << 32))
        self.dice = random.Random(self.seed)
        print(f"\n{self.id()}: HONGBAO_SEED={self.seed}", flush=True)
        scratch = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="hongbao-region-")))
        directory = scratch / "region"
        directory.mkdir()
        self.region = Region(directory, OPTIONS["HONGBAO_BIN_DIR"].split(":")[0], nodes=self.nodes,
                             settings=dict(self.settings), cold=self.cold)
        self.addCleanup(self.region.stop)
        self.region.start()
        self.target = Target(self.region, scratch)

    def night(self, seconds, rate=60):
        night = Night(self.target, seconds, rate)
        self.addCleanup(night.stop)
        return night

    def prober(self):
        prober = Prober(self.target)
        self.addCleanup(prober.stop)
        return prober

    def owner_of(self, shard):
        """The node that serves it now."""
        for node in self.region.nodes:
            with Client(node.admin, self.admin_token()) as operator:
                shards = operator.get("/admin/v1/shards").body["shards"]
            if any(each["shard"] == shard and each["state"] == "serving" for each in shards):
                return node
        raise AssertionError(f"nobody owns {shard}")

    def admin_token(self):
        return (self.region.directory / "secrets" / "admin.token").read_text().strip()

    def redis_cli(self, *words):
        self.region.redis.cli(*words)

    def strike(self, fault, recover=lambda: None, night_s=14, refused_s_max=None, after_s=4):
        """Plays a night, lets `fault` strike in its middle and `recover` undo it, and holds the region to everything it
        answered. Returns how long opens were refused, by shard."""
        prober = self.prober()
        night = self.night(night_s)
        night.await_shares(50)
        struck = time.monotonic()
        fault()
        recover()
        time.sleep(after_s)
        figures = night.finish()
        prober.stop()
        gaps = prober.gaps(struck)
        print(f"{self.id().split('.')[-1]}: opens refused for {max(gaps.values()):.1f} s at most "
              f"({', '.join(f'{shard} {gap:.1f}' for shard, gap in sorted(gaps.items()))}); "
              f"{figures['checked_shares']} shares answered, all there, audit difference {figures['audit_difference']}",
              flush=True)
        if refused_s_max is not None:
            self.assertLessEqual(max(gaps.values()), refused_s_max)
        return gaps
