"""Cold days on a MariaDB server of their own, which may be away while users open recent packets."""

import re
import threading
import time
import unittest

from cold_region import LONG_S, ColdServerTest, Opener
from engines import EngineError
from system import eventually, in_parallel
from test_archive import ROWS_PER_S, ROWS_PER_S_SLOW, play_more_than_a_piece

NIGHT_S = 6
NIGHT_RATE = 300
PACKETS = 12  # some in each shard
# More than a client's patience (15 s), when each in its turn waits two seconds for a server that is frozen.
COLD_PACKETS = 40
SHARDS = 4  # two for each node
CONNECTIONS_LEAST = 10  # that MariaDB can be set to


class ColdServerAway(ColdServerTest):
    settings = {**ColdServerTest.settings, "shards.count": SHARDS}

    def test_recent_packets_do_not_need_it_and_cold_ones_come_back_with_it(self):
        before = self.finished_packets(PACKETS)
        night = self.night(NIGHT_S, NIGHT_RATE)
        night.finish()
        owners = self.all_owners()
        cold = {shard for shard, node in owners.items() if node == self.region.nodes[0].name}
        self.archive(nodes=1, shards=cold)
        for shard in cold:
            self.await_dropped(shard)
        for shard in owners:
            self.assertEqual(shard in cold, self.tables(self.region.mariadb, shard) == 0)
            self.assertEqual(shard in cold, self.tables(self.region.cold, f"cold_{shard}") > 0)
        self.restart_nodes(owners, **{"packets.ttl_ms": 86_400_000})
        self.assertEqual(before, {packet: self.picture(packet) for packet in before})
        night.check_live()
        self.assert_balanced(deep=True)
        recent = [self.paid_packet("recent", count=2, shards={shard}) for shard in owners]

        self.region.cold.kill()
        self.restart_nodes(owners)
        opener = Opener(self, "meanwhile", shards=owners.keys() - cold)
        self.addCleanup(opener.stop)
        opener.await_more()
        for packet, picture in before.items():
            if packet[:4] in cold:
                answer = self.view(packet)  # with a Retry-After: the client looks
                self.assertEqual((503, "storage"), (answer.status, answer.problem), answer)
            else:
                self.assertEqual(picture, self.picture(packet))
        for packet in recent:  # beside what is cold in their shard
            self.take(packet, "first")
            self.take(packet, "second")
        opener.await_more()
        opener.stop()
        self.assertEqual([], opener.refused)
        self.await_settled()
        self.assert_balanced()
        self.run_archive(self.nodes)
        eventually(lambda: self.failed_moves() > 0, "the move failed, and was counted", timeout_s=LONG_S)
        self.assertFalse(self.is_cold(owners))
        self.assert_balanced()

        self.region.cold.start()
        self.assertEqual(before, {packet: self.picture(packet) for packet in before})
        self.archive()
        self.restart_nodes(owners)
        self.assertEqual(before, {packet: self.picture(packet) for packet in before})
        for packet in [*opener.opened, *recent]:
            self.assertEqual("exhausted", self.picture(packet)[0]["packet"]["state"])
        night.check_live()
        self.assert_balanced(deep=True)

    def test_while_it_is_frozen_nobody_waits_for_it_but_who_asks_for_cold_packets(self):
        cold = list(self.finished_packets(COLD_PACKETS))
        self.archive()
        self.restart_nodes(**{"packets.ttl_ms": 86_400_000})
        recent = [self.paid_packet("recent", count=2) for _ in range(PACKETS)]
        self.restart_nodes()  # they are hot, and in no memory

        self.region.cold.freeze()
        began = time.monotonic()
        answers = []
        views = [threading.Thread(target=lambda packet=packet: answers.append(self.view(packet)), daemon=True)
                 for packet in cold]
        for view in views:
            view.start()
        time.sleep(1)  # for the views to get there first
        in_parallel(lambda packet: self.take(packet, "meanwhile"), recent, threads=len(recent))
        opened_s = time.monotonic() - began - 1
        for view in views:
            view.join()
        print(f"{len(recent)} recent packets were opened within {opened_s:.1f} s, and {len(cold)} views of cold ones "
              f"refused within {time.monotonic() - began:.1f} s", flush=True)
        self.assertEqual(len(cold), len(answers))
        self.assertEqual({503}, {answer.status for answer in answers})
        self.assertLessEqual({answer.problem for answer in answers}, {"storage", "deadline_exceeded", "unavailable"})
        self.assert_balanced()
        self.region.cold.thaw()
        for packet in cold:
            eventually(lambda packet=packet: self.view(packet).status == 200, "it is read again", timeout_s=LONG_S)


class ColdServerKilled(ColdServerTest):
    def test_a_move_that_it_was_killed_in_gets_through_when_it_is_back(self):
        with self.operator() as operator:
            nights = play_more_than_a_piece(lambda: self.night(NIGHT_S, NIGHT_RATE), operator, of=min)
        self.restart_nodes(**{"archive.rows_per_s_max": ROWS_PER_S_SLOW})
        self.run_archive(self.nodes)
        eventually(lambda: self.tables(self.region.cold, "cold_s") > 0, "a move has begun", timeout_s=LONG_S)
        self.region.cold.kill()  # a piece takes seconds at this pace
        self.assertGreater(self.tables(self.region.mariadb, "s"), 0)
        eventually(lambda: self.failed_moves() > 0, "the move failed, and was counted", timeout_s=LONG_S)
        for night in nights:
            night.check_live()
        self.region.cold.start()
        self.restart_nodes(**{"archive.rows_per_s_max": ROWS_PER_S})
        self.archive()
        self.await_dropped("s")
        for night in nights:
            night.check_live()
        self.assert_balanced(deep=True)


class Connections(ColdServerTest):
    nodes = 1
    settings = {**ColdServerTest.settings, "shards.count": SHARDS}

    def test_a_node_needs_no_more_of_a_server_than_it_says(self):
        node = self.region.nodes[0]
        owners = self.all_owners()
        node.stop()
        for server, field in ((self.region.mariadb, "orders"), (self.region.cold, "cold")):
            server.sql(f"SET GLOBAL max_connections = {CONNECTIONS_LEAST}")
            with self.assertRaises(EngineError) as refused:
                node.start()
            said = re.search(rf"mariadb\.{field} {server.address} has max_connections = {CONNECTIONS_LEAST}: "
                             r"it must be (\d+) or more", str(refused.exception))
            self.assertTrue(said, refused.exception)
            server.sql(f"SET GLOBAL max_connections = {said[1]}")
        node.start()
        self.await_serving(owners)
        night = self.night(NIGHT_S, NIGHT_RATE)
        night.finish()
        self.archive()
        night.check_live()
        self.assert_balanced(deep=True)
        for server in (self.region.mariadb, self.region.cold):
            refused = server.sql("SHOW GLOBAL STATUS LIKE 'Connection_errors_max_connections'")
            self.assertEqual("0", refused.split()[-1])


if __name__ == "__main__":
    unittest.main()
