"""What holds when memory is lost or the data go back: idempotency keys, packet ids, old pay tokens."""

import contextlib
import shutil
import sqlite3
import unittest

from system import Server, SystemTest, in_parallel

REQUEST = {"kind": "equal", "total_amount": 100, "count": 2}


class Keys(SystemTest):
    def restart(self):
        self.assertEqual(0, self.server.stop())
        self.server.start()

    def send(self, user, key, **changes):
        with self.server.user(user) as client:
            answer = client.send(key, **{**REQUEST, **changes})
            self.assertEqual(201, answer.status, answer)
            return answer.body["packet"]["id"], answer.body["pay_token"]

    def pay(self, user, order):
        with self.server.user(user) as client:
            return client.pay(*order)

    def assert_already_sent(self, answer, first):
        self.assert_problem(answer, "already_sent")
        self.assertEqual(409, answer.status)
        self.assertEqual(first, answer.body["packet_id"])

    def test_a_key_that_was_paid_holds_after_a_restart(self):
        self.server.deposit("alice", 1_000)
        first = self.send("alice", "new-year")
        self.assertEqual(200, self.pay("alice", first).status)
        self.restart()
        second = self.send("alice", "new-year")
        self.assertNotEqual(first[0], second[0], "the cache is lost")
        for _ in range(2):
            self.assert_already_sent(self.pay("alice", second), first[0])
        self.assertEqual(900, self.server.balance("alice"), "debited once")
        self.assertEqual(200, self.pay("alice", first).status, "the first is what it was")
        # Also with another body, and after another restart.
        self.restart()
        self.assert_already_sent(self.pay("alice", self.send("alice", "new-year", total_amount=200)), first[0])
        self.assertEqual(900, self.server.balance("alice"))
        # Others' keys, and other keys, are others.
        self.assertEqual(200, self.pay("alice", self.send("alice", "new-year-2")).status)
        self.server.deposit("bob", 100)
        self.assertEqual(200, self.pay("bob", self.send("bob", "new-year")).status)

    def test_money_of_a_channel_for_a_second_packet_of_a_key_is_the_senders(self):
        first = self.send("carol", "k")
        notification = {"pay_token": first[1], "channel": "demo", "payment_id": "carol-1", "amount": 100}
        self.assertEqual("paid", self.server.notify(notification).body["outcome"])
        self.restart()
        second = self.send("carol", "k")
        notification = {"pay_token": second[1], "channel": "demo", "payment_id": "carol-2", "amount": 100}
        for _ in range(2):
            self.assertEqual("credited_to_wallet", self.server.notify(notification).body["outcome"])
        self.assertEqual(100, self.server.balance("carol"))
        self.assert_already_sent(self.pay("carol", second), first[0])
        self.restart()
        answer = self.server.notify(notification)
        self.assertEqual("credited_to_wallet", answer.body["outcome"], "though nobody knows the packet any more")
        self.assertEqual((second[0], "awaiting_payment"), (answer.body["packet"]["id"], answer.body["packet"]["state"]))
        self.assertEqual(100, self.server.balance("carol"))

    def test_packets_of_one_key_that_are_paid_at_once(self):
        self.server.deposit("dora", 1_000)
        orders = []
        for _ in range(4):
            orders.append(self.send("dora", "k"))
            self.restart()
        answers = in_parallel(lambda order: self.pay("dora", order), orders, threads=4)
        self.assertEqual([200, 409, 409, 409], sorted(answer.status for answer in answers))
        paid = next(order[0] for order, answer in zip(orders, answers) if answer.status == 200)
        for answer in answers:
            if answer.status == 409:
                self.assert_already_sent(answer, paid)
        self.assertEqual(900, self.server.balance("dora"))


class SmallCache(SystemTest):
    overrides = {"CACHE_MIB_MAX": 1}

    def test_one_users_sends_push_out_nobody_elses(self):
        with self.server.user("victim") as client:
            first = client.send("mine", **REQUEST).body["packet"]["id"]

        def send(thread):
            with self.server.user("robot") as client:
                for i in range(500):
                    answer = client.send(f"{thread}-{i}", **REQUEST)
                    self.assertIn(answer.status, (201, 429), answer)

        in_parallel(send, range(8), threads=8)
        with self.server.user("victim") as client:
            self.assertEqual(first, client.send("mine", **REQUEST).body["packet"]["id"])


class OldCopy(unittest.TestCase):
    """All files go back to what they were: the same epoch comes again on the same day."""

    def test_no_id_comes_again_and_old_orders_stop_nothing(self):
        server = Server(SHARDS_COUNT=1).start()
        self.addCleanup(server.remove)
        server.deposit("alice", 10_000)
        server.stop()
        data = server.directory / "data"
        copy = server.directory / "copy"
        shutil.copytree(data, copy)

        def orders(paid):
            made = [server.send("alice", **REQUEST) for _ in range(40)]
            with server.user("alice") as client:
                for packet, pay_token in made[:paid]:
                    self.assertEqual(200, client.pay(packet["id"], pay_token).status)
            return [(packet["id"], pay_token) for packet, pay_token in made]

        server.start()
        before = orders(paid=10)
        server.stop()
        shutil.rmtree(data)
        copy.rename(data)
        server.start()
        after = orders(paid=5)
        self.assertEqual(80, len({order[0] for order in before + after}))
        # What was ordered in the time that never was can still be paid, once.
        with server.user("alice") as client:
            for _ in range(2):
                self.assertEqual({200}, {client.pay(*order).status for order in before[:3]})
        self.assertEqual(10_000 - 8 * 100, server.balance("alice"))
        audit = server.audit(deep=True).body
        self.assertTrue(audit["balanced"], audit)
        self.assertIsNone(server.process.poll())


class DamagedRows(unittest.TestCase):
    """What somebody wrote into the files is answered, hurts what it touches, and stops nothing else."""

    def test_the_server_goes_on(self):
        server = Server(SHARDS_COUNT=1, AUDIT_INTERVAL_MS=200, REFUNDS_INTERVAL_MS=50).start()
        self.addCleanup(server.remove)
        packets = [server.paid_packet("alice", kind="lucky", total_amount=100, count=2)["id"] for _ in range(8)]
        for packet_id in packets:
            with server.user("taker") as client:
                client.open(packet_id, client.grab(packet_id).body["ticket"])
        server.deposit("dora", 5)
        server.money()  # all is settled
        server.stop()
        with contextlib.closing(sqlite3.connect(server.directory / "data" / "orders-s000.db")) as orders:
            day = orders.execute("SELECT name FROM sqlite_master WHERE name GLOB 'packet_2*'").fetchone()[0][-8:]
            local = [row[0] for row in orders.execute(f"SELECT local FROM packet_{day} ORDER BY local")]
            damages = [f"UPDATE voucher_{day} SET amount = 0 WHERE kind = 2 AND local = ?",
                       f"UPDATE voucher_{day} SET amount = 9223372036854775807 WHERE kind = 2 AND local = ?",
                       f"UPDATE voucher_{day} SET user = '' WHERE kind = 2 AND local = ?",
                       f"UPDATE packet_{day} SET state = 3 WHERE local = ?",
                       f"UPDATE packet_{day} SET count = 0 WHERE local = ?",
                       f"UPDATE packet_{day} SET seed = x'00' WHERE local = ?",
                       f"UPDATE packet_{day} SET kind = 77, rule = -1, expires_at = -5 WHERE local = ?"]
            for damage, of in zip(damages, local):
                orders.execute(damage, (of,))
            orders.commit()
        with contextlib.closing(sqlite3.connect(server.directory / "data" / "ledger.db")) as ledger:
            ledger.execute("UPDATE transfer SET kind = 9 WHERE wallet = 'user:dora'")
            ledger.execute("UPDATE account SET credits_posted = -1 WHERE id = 'user:dora'")
            ledger.commit()
        server.start()
        with server.user("other") as client:
            for packet_id in packets[:7]:
                for answer in (client.packet(packet_id), client.grab(packet_id)):
                    self.assertIn(answer.problem, ("storage", "internal"), answer)
            ticket = client.grab(packets[7]).body["ticket"]
            self.assertEqual("opened", client.open(packets[7], ticket).body["outcome"])
        with server.user("dora") as client:
            self.assertEqual("internal", client.get("/v1/users/me/wallet").problem)
            self.assertEqual("internal", client.get("/v1/users/me/wallet/transfers").problem)
        self.assertEqual(100, server.deposit("bob", 100))
        answer = server.audit(deep=True)
        self.assertTrue(answer.problem is not None or not answer.body["balanced"], answer)
        self.assertIsNone(server.process.poll(), server.log[-5:])


if __name__ == "__main__":
    unittest.main()
