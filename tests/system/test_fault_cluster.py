"""Faults of a whole region under load: each node, each engine, and an owner that sleeps past its lease. After each,
every answered share is there, nothing is there twice, and the books balance."""

import time
import unittest

from cluster_faults import RegionTest

LEASE_S = 3
TAKEOVER_S_MAX = 5


class NodeFaults(RegionTest):
    def test_a_killed_node_is_taken_over(self):
        node = self.region.nodes[0]
        self.strike(node.kill, refused_s_max=TAKEOVER_S_MAX + 1)  # and the probe's own pauses and time-outs
        node.start()

    def test_a_node_killed_and_started_again_at_once(self):
        self.strike(self.region.nodes[0].restart, refused_s_max=TAKEOVER_S_MAX + 1)

    def test_a_clean_stop_hands_over_without_an_error(self):
        prober = self.prober()
        time.sleep(1)
        began = time.monotonic()
        self.region.nodes[0].stop()
        time.sleep(2)
        prober.stop()
        gaps = prober.gaps(began)
        self.assertEqual([], prober.refused, "clients saw none of it")
        print(f"handed over within {max(gaps.values()):.2f} s", flush=True)

    def test_an_owner_that_sleeps_past_its_lease_answers_nothing_when_it_wakes(self):
        node = self.region.nodes[0]

        def sleep():
            node.freeze()
            time.sleep(2 * LEASE_S)

        self.strike(sleep, node.thaw, refused_s_max=TAKEOVER_S_MAX + 1)


class EngineFaults(RegionTest):
    def test_mariadb_is_killed(self):
        self.strike(self.region.mariadb.restart)

    def test_mariadb_is_frozen(self):
        def freeze():
            self.region.mariadb.freeze()
            time.sleep(LEASE_S)

        self.strike(freeze, self.region.mariadb.thaw)

    def test_redis_is_killed(self):
        self.strike(self.region.redis.restart, refused_s_max=2)

    def test_redis_forgets_everything(self):
        self.strike(lambda: self.redis_cli("FLUSHALL"), refused_s_max=2)

    def test_nats_is_killed(self):
        self.strike(self.region.nats.restart, refused_s_max=2)

    def test_the_voucher_stream_is_lost(self):
        self.strike(self.region.nats.wipe, refused_s_max=2)


if __name__ == "__main__":
    unittest.main()
