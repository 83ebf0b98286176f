"""The life of a packet: sent, paid, grabbed, opened, finished."""

import threading
import time
import unittest

from system import SystemTest, eventually, in_parallel


class LifeOfAPacket(SystemTest):
    def play_until_exhausted(self, takers, **request):
        """Sends, pays and opens a packet by `takers`; returns it with its shares."""
        sender = f"sender-{takers[0]}"
        self.server.deposit(sender, request["total_amount"])
        packet, pay_token = self.server.send(sender, **request)
        self.assertEqual("awaiting_payment", packet["state"])
        self.assertEqual(0, packet["opened_count"])
        with self.server.user(sender) as client:
            active = client.pay(packet["id"], pay_token).body["packet"]
            self.assertEqual("active", active["state"])
            self.assertEqual(packet["commitment"], active["commitment"])
            self.assertEqual(0, client.wallet()["balance"])

        amounts = {}
        for taker in takers:
            with self.server.user(taker) as client:
                taken = client.take(packet["id"])
                self.assertEqual("opened", taken["outcome"])
                amounts[taker] = taken["share"]["amount"]
                self.assertEqual(taken, client.take(packet["id"]), "a second grab shows the same share")
        self.assertEqual(request["total_amount"], sum(amounts.values()))

        with self.server.user("auditor") as client:
            finished = client.packet(packet["id"]).body["packet"]
        self.assertEqual("exhausted", finished["state"])
        shares = self.assert_verifiable(finished)
        self.assertEqual(amounts, {share["user_id"]: share["amount"] for share in shares})
        luckiest = [share["seq"] for share in shares if share.get("luckiest")]
        greatest = max(share["amount"] for share in shares)
        self.assertEqual([next(share["seq"] for share in shares if share["amount"] == greatest)], luckiest)
        for taker, amount in amounts.items():
            self.wait_for_balance(taker, amount)
        return finished, shares

    def test_lucky_classic(self):
        packet, _ = self.play_until_exhausted([f"classic-{i}" for i in range(9)], kind="lucky", total_amount=8_888,
                                              count=9, greeting="恭喜发财 🧧")
        self.assertEqual("classic", packet["allocation"])
        self.assertEqual("恭喜发财 🧧", packet["greeting"])

    def test_lucky_fair(self):
        packet, _ = self.play_until_exhausted([f"fair-{i}" for i in range(9)], kind="lucky", total_amount=30, count=9,
                                              allocation="fair")
        self.assertEqual("fair", packet["allocation"])

    def test_equal_gives_the_first_ones_the_rest(self):
        _, shares = self.play_until_exhausted([f"equal-{i}" for i in range(7)], kind="equal", total_amount=24, count=7)
        self.assertEqual([4, 4, 4, 3, 3, 3, 3], [share["amount"] for share in shares])

    def test_a_full_packet_gives_everybody_the_greatest_share(self):
        _, shares = self.play_until_exhausted([f"full-{i}" for i in range(3)], kind="lucky", total_amount=60_000,
                                              count=3)
        self.assertEqual([20_000] * 3, [share["amount"] for share in shares])

    def test_exclusive_is_for_its_recipient_only(self):
        packet = self.server.paid_packet("giver", kind="exclusive", total_amount=520, count=1, recipient_id="beloved")
        self.assertEqual("beloved", packet["recipient_id"])
        with self.server.user("stranger") as stranger, self.server.user("beloved") as beloved:
            self.assertEqual({"outcome": "not_for_you"}, stranger.grab(packet["id"]).body)
            ticket = beloved.grab(packet["id"]).body["ticket"]
            self.assert_problem(stranger.open(packet["id"], ticket), "ticket_invalid", "ticket")
            self.assertEqual(520, beloved.take(packet["id"])["share"]["amount"])
            self.assertEqual({"outcome": "not_for_you"}, stranger.grab(packet["id"]).body)
        self.wait_for_balance("beloved", 520)

    def test_exclusive_is_seen_by_sender_and_recipient_alone(self):
        order, pay_token = self.server.send("giver", kind="exclusive", total_amount=520, count=1, recipient_id="beloved")
        path = f"/v1/packets/{order['id']}"
        absent = f"/v1/packets/{order['id']}"[:-1] + ("0" if order["id"][-1] != "0" else "1")
        self.server.deposit("giver", 520)
        with self.server.user("stranger") as stranger, self.server.user("beloved") as beloved, \
                self.server.user("giver") as giver:
            def check(shares_status):
                for client in (giver, beloved):
                    self.assertEqual(200, client.get(path).status)
                self.assertEqual(520, giver.get(path).body["packet"]["total_amount"])
                self.assertEqual(shares_status, giver.get(path + "/shares").status)
                for more in ("", "/shares"):
                    self.assertEqual(self.told(stranger.get(absent + more)), self.told(stranger.get(path + more)))
                    self.assertEqual(404, stranger.get(path + more).status)

            check(409)  # it waits for its payment
            self.assertEqual(200, giver.pay(order["id"], pay_token).status)
            check(200)
            self.assertNotIn("total_amount", beloved.get(path).body["packet"])
            self.assert_problem(beloved.get(path + "/shares"), "open_first", "id")
            beloved.take(order["id"])
            check(200)
            self.assertEqual(520, beloved.get(path).body["packet"]["total_amount"])
            self.assertEqual(200, beloved.get(path + "/shares").status)

    @staticmethod
    def told(answer):
        return answer.status, {name: value for name, value in answer.body.items() if name != "instance"}

    def test_a_packet_of_one_share(self):
        self.play_until_exhausted(["only"], kind="lucky", total_amount=1, count=1)

    def test_too_late_is_an_outcome(self):
        packet = self.server.paid_packet("late-sender", kind="lucky", total_amount=100, count=1)
        with self.server.user("quick") as quick, self.server.user("slow") as slow:
            ticket = slow.grab(packet["id"]).body["ticket"]
            self.assertEqual("opened", quick.take(packet["id"])["outcome"])
            self.assertEqual({"outcome": "exhausted"}, slow.open(packet["id"], ticket).body)
            self.assertEqual({"outcome": "exhausted"}, slow.grab(packet["id"]).body)
            self.assertEqual("opened", quick.grab(packet["id"]).body["outcome"])

    def test_an_unpaid_packet_can_not_be_opened(self):
        packet, _ = self.server.send("unpaid-sender", kind="lucky", total_amount=100, count=2)
        with self.server.user("taker") as client:
            self.assert_problem(client.grab(packet["id"]), "not_paid")
            self.assertEqual("awaiting_payment", client.packet(packet["id"]).body["packet"]["state"])
            self.assert_problem(client.get(f"/v1/packets/{packet['id']}/shares"), "not_paid")

    def test_the_seed_is_hidden_until_the_packet_is_finished(self):
        packet = self.server.paid_packet("secretive", kind="lucky", total_amount=100, count=2)
        with self.server.user("first") as client:
            client.take(packet["id"])
            self.assertNotIn("seed", client.packet(packet["id"]).body["packet"])
            self.assertFalse(any(share.get("luckiest") for share in self.shares(packet["id"], asked_by="first")))

    def test_amounts_are_hidden_from_others_until_the_packet_is_finished(self):
        packet, pay_token = self.server.send("discreet", kind="lucky", total_amount=1_000, count=2)
        path = f"/v1/packets/{packet['id']}"
        amounts = ("total_amount", "opened_amount", "opened_count")
        self.server.deposit("discreet", 1_000)
        with self.server.user("discreet") as sender, self.server.user("early") as taker, \
                self.server.user("onlooker") as stranger:
            def shows(client):
                view = client.packet(packet["id"]).body["packet"]
                self.assertEqual(view["state"] not in ("exhausted", "expired"), "seed" not in view)
                shown = [name in view for name in amounts]
                self.assertEqual(1, len(set(shown)), "all or none")
                return shown[0]

            self.assertEqual([True, False], [shows(sender), shows(stranger)], "it waits for its payment")
            self.assertEqual(200, sender.pay(packet["id"], pay_token).status)
            self.assertEqual([True, False, False], [shows(sender), shows(taker), shows(stranger)])
            ticket = taker.grab(packet["id"]).body
            self.assertEqual({"outcome", "ticket", "ticket_expires_at"}, set(ticket))
            self.assertFalse(shows(taker), "a ticket is no share")
            self.assert_problem(taker.get(path + "/shares"), "open_first", "id")
            share = taker.open(packet["id"], ticket["ticket"]).body["share"]
            self.assertEqual({"outcome", "ticket", "ticket_expires_at"}, set(stranger.grab(packet["id"]).body))
            for client in (sender, taker):
                self.assertTrue(shows(client))
                self.assertEqual([share["amount"]], [entry["amount"] for entry in client.get(path + "/shares").body["shares"]])
            self.assertFalse(shows(stranger))
            self.assertEqual(2, stranger.packet(packet["id"]).body["packet"]["count"])
            for more in ("", "?page_size=1"):
                refused = stranger.get(path + "/shares" + more)
                self.assert_problem(refused, "open_first", "id")
                self.assertNotIn(str(share["amount"]).encode(), refused.raw)
            with self.server.user("last") as last:
                last.take(packet["id"])
            for client in (sender, taker, stranger):
                self.assertTrue(shows(client))
                self.assertEqual(1_000, sum(entry["amount"] for entry in client.pages(path + "/shares", "shares")))

    def test_two_hundred_users_open_one_packet_at_once(self):
        packet = self.server.paid_packet("crowd-sender", kind="lucky", total_amount=9_999, count=60)

        def take(i):
            with self.server.user(f"crowd-{i}") as client:
                return eventually(lambda: self.taken_or_busy(client, packet["id"]), "an answer")

        taken = in_parallel(take, range(200), threads=200)
        shares = [answer["share"] for answer in taken if answer["outcome"] == "opened"]
        self.assertEqual(60, len(shares))
        self.assertEqual(9_999, sum(share["amount"] for share in shares))
        self.assertEqual(set(range(1, 61)), {share["seq"] for share in shares})
        self.assertEqual(60, len({share["voucher"] for share in shares}))
        self.assertEqual(140, sum(answer["outcome"] == "exhausted" for answer in taken))
        with self.server.user("auditor") as client:
            listed = self.assert_verifiable(client.packet(packet["id"]).body["packet"])
        self.assertEqual(60, len({share["user_id"] for share in listed}), "one share for each user")

    @staticmethod
    def taken_or_busy(client, packet_id):
        """The outcome, or None when the packet was busy."""
        grabbed = client.grab(packet_id)
        if grabbed.status in (429, 503):
            return None
        if grabbed.body["outcome"] != "ticket":
            return grabbed.body
        opened = client.open(packet_id, grabbed.body["ticket"])
        return None if opened.status in (429, 503) else opened.body

    def test_one_user_on_many_connections_gets_one_share(self):
        packet = self.server.paid_packet("greedy-sender", kind="lucky", total_amount=5_000, count=20)
        tickets = []
        for _ in range(2):
            with self.server.user("greedy") as client:
                tickets.append(client.grab(packet["id"]).body["ticket"])
        barrier = threading.Barrier(24)

        def take(i):
            with self.server.user("greedy") as client:
                barrier.wait(10)
                answer = client.open(packet["id"], tickets[i % 2])
                return None if answer.status == 429 else answer.body["share"]

        shares = [share for share in in_parallel(take, range(24), threads=24) if share]
        self.assertTrue(shares)
        self.assertTrue(all(share == shares[0] for share in shares))
        self.assertEqual(1, len(self.shares(packet["id"], asked_by="greedy")))
        self.wait_for_balance("greedy", shares[0]["amount"])

    def test_sending_again_with_the_same_key_changes_nothing(self):
        request = {"kind": "lucky", "total_amount": 500, "count": 5, "greeting": "hi"}
        with self.server.user("repeater") as client, self.server.user("namesake") as other:
            first = client.send("same-key", **request)
            self.assertEqual(201, first.status)
            again = client.send("same-key", **dict(reversed(request.items())))
            self.assertEqual(first.body["packet"]["id"], again.body["packet"]["id"])
            self.assertEqual(first.body, again.body)
            for change in [{"total_amount": 501}, {"count": 4}, {"greeting": "ho"}, {"allocation": "fair"}]:
                with self.subTest(change=change):
                    self.assert_problem(client.send("same-key", **{**request, **change}), "idempotency_key_reused")
            self.assertNotEqual(first.body["packet"]["id"], other.send("same-key", **request).body["packet"]["id"])
            self.server.deposit("repeater", 500)
            self.assertEqual(200, client.pay(first.body["packet"]["id"], first.body["pay_token"]).status)
            self.assertEqual(first.body["packet"]["id"], client.send("same-key", **request).body["packet"]["id"])

    def test_sending_at_once_with_one_key_makes_one_packet(self):
        def send(_):
            with self.server.user("hasty") as client:
                return client.send("hasty-key", kind="equal", total_amount=10, count=10).body["packet"]["id"]

        self.assertEqual(1, len(set(in_parallel(send, range(16), threads=16))))

    def test_lists_are_by_time_whatever_was_followed_first(self):
        """Of packets in all shards that several threads pay and open at once."""
        sent = in_parallel(lambda number: self.server.paid_packet("hurried", kind="equal", total_amount=number + 1, count=1),
                           range(24), threads=4)

        def take(packet):
            with self.server.user("hurrying") as client:
                return client.take(packet["id"])

        in_parallel(take, sent, threads=4)
        for user, path, item, time_of, number in (
                ("hurried", "/v1/users/me/packets", "packets", "paid_at", 24),
                ("hurrying", "/v1/users/me/shares", "shares", "opened_at", 24),
                ("hurrying", "/v1/users/me/wallet/transfers", "transfers", "at", 24),
                ("hurried", "/v1/users/me/wallet/transfers", "transfers", "at", 48)):
            with self.server.user(user) as client:
                eventually(lambda client=client, path=path, item=item, number=number:
                           len(client.pages(path, item)) == number, "all is listed")
                entries = client.pages(path, item, page_size=5)
                self.assert_newest_first(entries, time_of)
                self.assertEqual(client.pages(path, item), entries)

    def test_nicknames_are_those_of_the_last_token_without_controls(self):
        packet = self.server.paid_packet("namer", kind="equal", total_amount=40, count=40)["id"]
        for number, (claims, shown) in enumerate((({"name": "Al\u202eice\u0007"}, "Alice"), ({}, None),
                                                  ({"name": "👩\u200d👧 می\u200cخواهم"}, "👩\u200d👧 می\u200cخواهم"),
                                                  ({"name": "\u3164\u200b"}, None), ({"name": "Bob"}, "Bob"),
                                                  ({"name": 5}, None))):
            user = f"named-{number % 2}"
            with self.server.user(user, **claims) as client:
                client.take(packet)
                client.open(packet, "another try")
            shares = {share["user_id"]: share for share in self.shares(packet, asked_by="namer")}
            self.assertEqual(shown, shares[user].get("nickname"), claims)

    def test_the_inbox_and_the_wallet_tell_the_same_story(self):
        sent = [self.server.paid_packet("storyteller", kind="equal", total_amount=100 + i, count=1) for i in range(7)]
        with self.server.user("listener") as client:
            received = [client.take(packet["id"])["share"]["amount"] for packet in sent]
            self.assertEqual(list(range(100, 107)), received)
            self.wait_for_balance("listener", sum(received))
            eventually(lambda: len(client.pages("/v1/users/me/shares", "shares")) == 7, "the inbox has 7 shares")
            shares = client.pages("/v1/users/me/shares", "shares")
            self.assertEqual({packet["id"]: packet["total_amount"] for packet in sent},
                             {share["packet_id"]: share["amount"] for share in shares})
            self.assert_newest_first(shares, "opened_at")
            transfers = client.pages("/v1/users/me/wallet/transfers", "transfers")
            self.assertEqual(received, sorted(transfer["amount"] for transfer in transfers))
            self.assert_newest_first(transfers, "at")
            self.assertEqual({("opened", "in")}, {(entry["kind"], entry["direction"]) for entry in transfers})
            for page_size in (1, 2, 3, 7, 1000):
                self.assertEqual(shares, client.pages("/v1/users/me/shares", "shares", page_size=page_size))
                self.assertEqual(transfers, client.pages("/v1/users/me/wallet/transfers", "transfers",
                                                         page_size=page_size))
            summary = client.get("/v1/users/me/summary").body
            self.assertEqual((0, 0, 7, sum(received)), (summary["sent_count"], summary["sent_amount"],
                                                        summary["received_count"], summary["received_amount"]))
            self.assertEqual(0, client.get("/v1/users/me/summary?year=2020").body["received_count"])
        with self.server.user("storyteller") as client:
            eventually(lambda: len(client.pages("/v1/users/me/packets", "packets")) == 7, "the inbox has 7 packets")
            packets = client.pages("/v1/users/me/packets", "packets", page_size=3)
            self.assertEqual({packet["id"] for packet in sent}, {entry["packet_id"] for entry in packets})
            self.assert_newest_first(packets, "paid_at")
            summary = client.get("/v1/users/me/summary").body
            self.assertEqual((7, sum(received)), (summary["sent_count"], summary["sent_amount"]))
            self.assertEqual(time.gmtime(time.time() + 8 * 3600).tm_year, summary["year"])
            kinds = [entry["kind"] for entry in client.pages("/v1/users/me/wallet/transfers", "transfers")]
            self.assertEqual(["paid", "deposit"] * 7, kinds)

    def test_shares_come_in_pages(self):
        packet = self.server.paid_packet("pager", kind="equal", total_amount=12, count=12)
        for i in range(12):
            with self.server.user(f"page-{i}") as client:
                client.take(packet["id"])
        for page_size in (1, 5, 12, 13):
            shares = self.shares(packet["id"], page_size=page_size)
            self.assertEqual([f"page-{i}" for i in range(12)], [share["user_id"] for share in shares])

    def test_a_frozen_account_defers_only_itself(self):
        def settle(on):
            answer = operator.call("PUT", "/admin/v1/switches", {"switches": {"settlement": on}})
            self.assertEqual(200, answer.status, answer)

        with self.server.operator() as operator:
            packet = self.server.paid_packet("warm", kind="equal", total_amount=300, count=3)
            settle(False)
            for taker in ("frosty", "mild", "balmy"):
                with self.server.user(taker) as client:
                    self.assertEqual(100, client.take(packet["id"])["share"]["amount"])
            self.assertTrue(operator.post("/admin/v1/wallets/frosty:freeze").body["wallet"]["frozen"])
            settle(True)
            self.wait_for_balance("mild", 100)
            self.wait_for_balance("balmy", 100)
            self.assertEqual(0, self.server.balance("frosty"))
            self.assertEqual(100, sum(shard["deferred"] for shard in self.server.audit().body["shards"]))
            self.assert_balanced()
            with self.server.user("frosty") as client:
                self.assertTrue(client.wallet()["frozen"])
            self.assertFalse(operator.post("/admin/v1/wallets/frosty:unfreeze").body["wallet"]["frozen"])
        self.wait_for_balance("frosty", 100)
        self.assertEqual(0, sum(shard["deferred"] for shard in self.server.audit().body["shards"]))

    overrides = {"SETTLEMENT_DEFERRAL_MS": 200}


class Expiry(SystemTest):
    overrides = {"PACKETS_TTL_MS": 1_500, "REFUNDS_INTERVAL_MS": 100}

    def test_what_nobody_opened_goes_back_to_the_sender(self):
        packet = self.server.paid_packet("expirer", kind="lucky", total_amount=1_000, count=3)
        untouched = self.server.paid_packet("expirer", kind="exclusive", total_amount=50, count=1, recipient_id="away")
        with self.server.user("early") as early, self.server.user("late") as late:
            share = early.take(packet["id"])["share"]
            ticket = late.grab(packet["id"]).body["ticket"]
            self.assertEqual(0, self.server.balance("expirer"))

            def expired():
                answer = late.packet(packet["id"]).body["packet"]
                return answer if answer["state"] == "expired" else None

            finished = eventually(expired, "the packet expires")
            self.assertEqual(1_000 - share["amount"], finished["refunded_amount"])
            self.assert_verifiable(finished)
            self.assertEqual({"outcome": "expired"}, late.open(packet["id"], ticket).body)
            self.assertEqual({"outcome": "expired"}, late.grab(packet["id"]).body)
            self.assertEqual(share, early.take(packet["id"])["share"], "who opened in time still sees the share")
        self.wait_for_balance("expirer", 1_050 - share["amount"])
        with self.server.user("expirer") as client:
            self.assertEqual(50, client.packet(untouched["id"]).body["packet"]["refunded_amount"])
            eventually(lambda: {entry["refunded_amount"]
                                for entry in client.pages("/v1/users/me/packets", "packets")}
                       == {50, 1_000 - share["amount"]}, "the inbox shows both refunds")
            eventually(lambda: client.get("/v1/users/me/summary").body["refunded_amount"] == 1_050 - share["amount"],
                       "the summary shows both refunds")


class ExpiryWithoutRefunds(SystemTest):
    overrides = {"PACKETS_TTL_MS": 700, "REFUNDS_INTERVAL_MS": 3_600_000}

    def test_nothing_is_opened_after_the_expiry_even_before_the_refund(self):
        packet = self.server.paid_packet("tight", kind="equal", total_amount=40, count=4)
        with self.server.user("racer") as client:
            ticket = client.grab(packet["id"]).body["ticket"]
            time.sleep(0.8)
            self.assertEqual({"outcome": "expired"}, client.open(packet["id"], ticket).body)
            self.assertEqual({"outcome": "expired"}, client.grab(packet["id"]).body)
            self.assertEqual(0, client.wallet()["balance"])


class Lapses(SystemTest):
    overrides = {"PACKETS_PAYABLE_MS": 1_000, "PACKETS_TICKET_TTL_MS": 1_000}

    def test_a_ticket_expires(self):
        packet = self.server.paid_packet("patient", kind="lucky", total_amount=100, count=2)
        with self.server.user("dawdler") as client:
            ticket = client.grab(packet["id"]).body["ticket"]
            time.sleep(2.1)
            self.assert_problem(client.open(packet["id"], ticket), "ticket_expired", "ticket")
            self.assertEqual("opened", client.take(packet["id"])["outcome"])

    def test_an_order_that_is_not_paid_in_time_lapses(self):
        self.server.deposit("undecided", 100)
        packet, pay_token = self.server.send("undecided", kind="lucky", total_amount=100, count=2)
        time.sleep(1.2)
        with self.server.user("undecided") as client:
            self.assert_problem(client.pay(packet["id"], pay_token), "pay_token_expired")
            self.assertEqual(100, client.wallet()["balance"])

    def test_a_late_payment_through_a_channel_is_returned(self):
        packet, pay_token = self.server.send("tardy", kind="lucky", total_amount=100, count=2)
        time.sleep(1.2)
        notification = {"pay_token": pay_token, "channel": "demo", "payment_id": "late-1", "amount": 100}
        for _ in range(2):
            self.assertEqual(200, self.server.notify(notification).status)
        self.wait_for_balance("tardy", 100)
        with self.server.user("taker") as client:
            grabbed = client.grab(packet["id"])
            self.assertNotEqual("ticket", (grabbed.body or {}).get("outcome"), grabbed)


class NorthTest(SystemTest):
    overrides = {"REGION_NAME": "north", "PACKETS_TTL_MS": 2_000, "REFUNDS_INTERVAL_MS": 100}

    def test_a_region_of_its_own_settles_what_is_paid_opened_and_refunded(self):
        packet = self.server.paid_packet("lena", kind="equal", total_amount=100, count=2)["id"]
        self.assertTrue(packet.startswith("n"), packet)
        with self.server.user("otto") as client:
            self.assertEqual("opened", client.take(packet)["outcome"])
        self.wait_for_balance("otto", 50)
        self.wait_for_balance("lena", 50)  # what nobody opened comes back

    def test_its_users_are_at_home_in_it(self):
        for home, status in (("north", 200), ("south", 401), ("", 401), (1, 401)):
            with self.server.user("otto", home=home) as client:
                self.assertEqual(status, client.get("/v1/users/me/wallet").status, home)


if __name__ == "__main__":
    unittest.main()
