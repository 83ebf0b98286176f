"""Old days in cold storage: read as before, wherever the process that moves them dies. A day is old at once here
(`archive.hot_days` 0), and moves as soon as all its packets have finished."""

import json
import time
import unittest

from cluster_faults import RegionTest
from faults import FaultTest
from hongbao_client import Client
from system import SystemTest, eventually

# A day of more than one piece waits 5 s for each at the slow pace, so that nobody who is killed before can have moved
# it; at the other one all takes about 2 s.
PIECE_ROWS = 512
ROWS_PER_S_SLOW = 100
ROWS_PER_S = 4_000
SHARDS_FEW = 2
NIGHT_S = 6
NIGHT_RATE = 300
SLOW_KILLS = 3


def days(client):
    """By shard, the place of each part of its days."""
    shards = [each["shard"] for each in client.get("/admin/v1/archive").body["shards"]]
    return {shard: [day["place"] for day in client.get(f"/admin/v1/archive/days?shard={shard}").body["days"]]
            for shard in shards}


def play_more_than_a_piece(play, operator, of=max):
    """Plays nights, however few shares each leaves, and returns them. `of`: max, some shard has more, or min, all."""
    nights = []
    vouchers = 0
    while vouchers <= PIECE_ROWS:
        nights.append(play())
        nights[-1].finish()
        vouchers = of(shard["next_voucher"] for shard in operator.get("/admin/v1/shards").body["shards"])
    return nights


def all_cold(client):
    return all(place == "cold" for places in days(client).values() for place in places)


class Archive(SystemTest):
    overrides = {"PACKETS_TTL_MS": 400, "REFUNDS_INTERVAL_MS": 100, "ARCHIVE_HOT_DAYS": 0, "ARCHIVE_INTERVAL_MS": 86_400_000}

    def json(self, *arguments):
        return json.loads(self.server.ctl(*arguments, "--json").stdout)

    def packet(self, sender, takers=2):
        packet = self.server.paid_packet(sender, kind="lucky", total_amount=300, count=3)["id"]
        for number in range(takers):
            with self.server.user(f"{sender}-{number}") as client:
                client.take(packet)
        return packet

    def view(self, packet):
        with self.server.user("reader") as client:
            return client.packet(packet).body["packet"]

    def picture(self, packet):
        return self.view(packet), self.shares(packet)

    def finished_picture(self, packet):
        eventually(lambda: self.view(packet)["state"] in ("expired", "exhausted"), "the packet has finished")
        return self.picture(packet)

    def archive(self):
        def moved():
            self.server.ctl("archive", "run")
            with self.server.operator() as operator:
                return all_cold(operator)
        eventually(moved, "all days are cold")

    def test_a_cold_packet_looks_and_answers_as_before(self):
        packets = [self.packet(f"ann-{number}", takers=number) for number in range(4)]
        before = [self.finished_picture(packet) for packet in packets]
        self.archive()
        self.server.stop()
        self.server.start()  # nothing is in memory
        self.assertEqual(before, [self.picture(packet) for packet in packets])
        for packet, shares in before:
            self.assert_verifiable(packet)
            with self.server.user("late") as client:
                self.assertIn(client.grab(packet["id"]).body["outcome"], ("expired", "exhausted"))
            for share in shares:
                with self.server.user(share["user_id"]) as client:
                    self.assertEqual(share["amount"], client.grab(packet["id"]).body["share"]["amount"])

    def test_a_day_that_was_cold_takes_packets_again(self):
        first = self.packet("bob")
        before = self.finished_picture(first)
        self.archive()
        second = self.packet("bob-again")
        self.finished_picture(second)
        self.assertEqual(before, self.picture(first))
        self.archive()
        self.server.stop()
        self.server.start()
        self.assertEqual(before, self.picture(first))
        parts = [day["part"] for shard in self.json("shard", "list")["shards"]
                 for day in self.json("archive", "days", shard["shard"])["days"]]
        self.assertGreater(max(parts), 1)

    def test_the_tools_tell_what_lies_where(self):
        packet = self.packet("carol", takers=3)
        self.finished_picture(packet)
        self.archive()
        status = self.json("archive", "show")
        self.assertEqual(0, status["hot_days"])
        self.assertEqual(2, len(status["shards"]))
        self.assertGreater(sum(shard["cold_days"] for shard in status["shards"]), 0)
        cold = self.json("archive", "days", packet[:4])["days"][-1]
        self.assertEqual(("cold", 64), (cold["place"], len(cold["checksum"])))
        self.assertEqual(cold["paid"], cold["opened"] + cold["refunded"])
        self.assertEqual([], self.json("archive", "days", packet[:4], "--from", "20991231")["days"])
        for wrong in (["s999"], ["nonsense"], [packet[:4], "--from", "tomorrow"]):
            answer = self.server.ctl("archive", "days", *wrong, check=False)
            self.assertNotEqual(0, answer.returncode, answer)
            self.assertRegex(answer.stderr + answer.stdout, "shard|from")
        for arguments in (["archive", "show"], ["archive", "days", packet[:4]]):
            self.assertTrue(self.server.ctl(*arguments).stdout.strip())


class KilledArchive(FaultTest):
    def test_a_server_killed_while_it_moves_a_night_keeps_all_it_answered(self):
        server = self.make_server(PACKETS_TTL_MS=1_000, SHARDS_COUNT=SHARDS_FEW, ARCHIVE_HOT_DAYS=0,
                                  ARCHIVE_INTERVAL_MS=86_400_000)
        server.start()
        with server.operator() as operator:
            nights = play_more_than_a_piece(lambda: self.start_night(server, NIGHT_S, NIGHT_RATE), operator)
        self.assertEqual(0, server.stop())
        server.environment["HONGBAO_ARCHIVE_INTERVAL_MS"] = "50"
        kills = 0
        cold = False
        while not cold:
            pace = ROWS_PER_S_SLOW if kills < SLOW_KILLS else ROWS_PER_S
            server.environment["HONGBAO_ARCHIVE_ROWS_PER_S_MAX"] = str(pace)
            server.start()
            time.sleep(self.dice.uniform(0.05, 0.2 + kills / 10))
            with server.operator() as operator:
                cold = all_cold(operator)
            nights[-1].check_live()
            server.kill()
            kills += 1
            self.assertLess(kills, 60)
        server.start()
        shares = sum(night.check_live()["checked_shares"] for night in nights)
        self.assert_audit_holds(server)
        self.report(kills=kills, shares=shares)
        self.assertGreater(kills, SLOW_KILLS)


class RegionArchive(RegionTest):
    settings = {"packets.ttl_ms": 1_000, "refunds.interval_ms": 200, "shards.count": SHARDS_FEW, "archive.hot_days": 0,
                "archive.interval_ms": 86_400_000}

    def test_nodes_that_die_while_they_move_a_night_lose_nothing(self):
        with Client(self.region.nodes[0].admin, self.admin_token()) as operator:
            nights = play_more_than_a_piece(lambda: self.night(NIGHT_S, NIGHT_RATE), operator)
        self.region.settings["archive.interval_ms"] = 50
        kills = 0
        cold = False
        while not cold:
            self.region.settings["archive.rows_per_s_max"] = ROWS_PER_S_SLOW if kills < SLOW_KILLS else ROWS_PER_S
            self.region.write_settings()  # for the node that starts
            node = self.region.nodes[kills % len(self.region.nodes)]
            time.sleep(self.dice.uniform(0, 0.1 + kills / 10))
            node.kill()
            kills += 1
            with Client(self.region.nodes[kills % len(self.region.nodes)].admin, self.admin_token()) as operator:
                cold = all_cold(operator)
            node.spawn()
            node.await_ready()
            self.assertLess(kills, 30)
        for night in nights:
            night.check_live()
        with Client(self.region.nodes[0].admin, self.admin_token()) as operator:
            answer = operator.get("/admin/v1/audit?deep=true")
        self.assertTrue(answer.body["balanced"], answer)
        self.assertGreater(kills, SLOW_KILLS)


if __name__ == "__main__":
    unittest.main()
