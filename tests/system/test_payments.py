"""Paying: from the wallet, and through a channel that signs its notifications."""

import json
import time
import unittest

from hongbao_client import sign_notification
from system import SystemTest, in_parallel


class Payments(SystemTest):
    def order(self, sender, total_amount=100):
        packet, pay_token = self.server.send(sender, kind="equal", total_amount=total_amount, count=2)
        return packet["id"], pay_token

    def notification(self, pay_token, payment_id, amount=100, channel="demo"):
        return {"pay_token": pay_token, "channel": channel, "payment_id": payment_id, "amount": amount}

    def state(self, packet_id):
        with self.server.user("observer") as client:
            return client.packet(packet_id).body["packet"]["state"]

    def assert_refused(self, packet_id, problem, send, field=None):
        """`send` is refused, no money moves, and the packet still waits."""
        before = self.server.money()
        self.assert_problem(send(), problem, field)
        self.assertEqual(before, self.server.money())
        self.assertEqual("awaiting_payment", self.state(packet_id))

    def test_a_wallet_payment_is_taken_once(self):
        self.server.deposit("payer", 500)
        packet_id, pay_token = self.order("payer")
        with self.server.user("payer") as client:
            for _ in range(3):
                self.assertEqual("active", client.pay(packet_id, pay_token).body["packet"]["state"])
            self.assertEqual(400, client.wallet()["balance"])

        def pay(_):
            with self.server.user("payer") as client:
                return client.pay(second, second_token).status

        second, second_token = self.order("payer")
        self.assertEqual({200}, set(in_parallel(pay, range(12), threads=12)))
        self.assertEqual(300, self.server.balance("payer"))

    def test_a_short_wallet_is_refused_to_the_fen(self):
        self.server.deposit("poor", 99)
        packet_id, pay_token = self.order("poor")
        with self.server.user("poor") as client:
            self.assert_refused(packet_id, "insufficient_funds", lambda: client.pay(packet_id, pay_token))
            self.assertEqual(99, client.wallet()["balance"])
            self.server.deposit("poor", 1)
            self.assertEqual(200, client.pay(packet_id, pay_token).status)
            self.assertEqual(0, client.wallet()["balance"])

    def test_a_wallet_can_not_be_spent_twice_at_once(self):
        self.server.deposit("double", 100)
        orders = [self.order("double") for _ in range(8)]

        def pay(order):
            with self.server.user("double") as client:
                return client.pay(*order).status

        statuses = in_parallel(pay, orders, threads=8)
        self.assertEqual([200] + [402] * 7, sorted(statuses))
        self.assertEqual(0, self.server.balance("double"))

    def test_only_the_sender_pays_from_a_wallet(self):
        self.server.deposit("thief", 100)
        packet_id, pay_token = self.order("victim")
        with self.server.user("thief") as client:
            self.assert_refused(packet_id, "forbidden", lambda: client.pay(packet_id, pay_token))

    def test_a_pay_token_pays_its_own_packet_only(self):
        self.server.deposit("mixer", 1_000)
        packet_id, pay_token = self.order("mixer")
        _, other_token = self.order("mixer")
        changed = ("A" if pay_token[60] != "A" else "B").join([pay_token[:60], pay_token[61:]])
        with self.server.user("mixer") as client:
            for token in [other_token, changed, pay_token[:-1], pay_token + "A", "", "x"]:
                with self.subTest(token=token[:20]):
                    self.assert_refused(packet_id, "pay_token_invalid", lambda: client.pay(packet_id, token))

    def test_a_frozen_wallet_pays_nothing(self):
        self.server.deposit("iced", 100)
        packet_id, pay_token = self.order("iced")
        with self.server.operator() as operator, self.server.user("iced") as client:
            operator.post("/admin/v1/wallets/iced:freeze")
            self.assert_refused(packet_id, "account_frozen", lambda: client.pay(packet_id, pay_token))
            operator.post("/admin/v1/wallets/iced:unfreeze")
            self.assertEqual(200, client.pay(packet_id, pay_token).status)

    def test_a_frozen_account_neither_sends_nor_draws(self):
        packet = self.server.paid_packet("warm", kind="lucky", total_amount=100, count=2)["id"]
        with self.server.user("chilled") as client:
            ticket = client.grab(packet).body["ticket"]
            self.server.ctl("wallet", "freeze", "chilled")
            for answer in (client.grab(packet), client.open(packet, ticket),
                           client.send("chilled-1", kind="lucky", total_amount=100, count=2)):
                self.assertEqual(403, answer.status, answer)
                self.assert_problem(answer, "account_frozen")
            self.server.kill()
            self.server.start()
        with self.server.user("chilled") as client:
            self.assert_problem(client.grab(packet), "account_frozen")
            self.server.ctl("wallet", "unfreeze", "chilled")
            self.assertEqual("opened", client.take(packet)["outcome"])

    def test_a_notification_pays_and_may_be_repeated(self):
        packet_id, pay_token = self.order("channelled")
        for _ in range(3):
            answer = self.server.notify(self.notification(pay_token, "repeat-1"))
            self.assertEqual((200, "paid"), (answer.status, answer.body["outcome"]), answer)
            self.assertEqual((packet_id, "active"), (answer.body["packet"]["id"], answer.body["packet"]["state"]))
        self.assertEqual(0, self.server.balance("channelled"))

    def test_a_second_payment_is_credited_to_the_wallet(self):
        packet_id, pay_token = self.order("eager")
        self.assertEqual("paid", self.server.notify(self.notification(pay_token, "eager-1")).body["outcome"])
        for _ in range(2):
            answer = self.server.notify(self.notification(pay_token, "eager-2"))
            self.assertEqual("credited_to_wallet", answer.body["outcome"])
        self.assertEqual("paid", self.server.notify(self.notification(pay_token, "eager-1")).body["outcome"])
        self.wait_for_balance("eager", 100)
        self.assertEqual("active", self.state(packet_id))

    def test_a_notification_after_a_wallet_payment_is_credited(self):
        self.server.deposit("both", 100)
        packet_id, pay_token = self.order("both")
        with self.server.user("both") as client:
            self.assertEqual(200, client.pay(packet_id, pay_token).status)
        answer = self.server.notify(self.notification(pay_token, "both-1"))
        self.assertEqual("credited_to_wallet", answer.body["outcome"])
        self.wait_for_balance("both", 100)

    def test_a_wallet_payment_after_a_notification_takes_nothing(self):
        self.server.deposit("after", 100)
        packet_id, pay_token = self.order("after")
        self.assertEqual("paid", self.server.notify(self.notification(pay_token, "after-1")).body["outcome"])
        with self.server.user("after") as client:
            answer = client.pay(packet_id, pay_token)
            self.assertIn((answer.status, answer.problem), [(200, None), (409, "already_sent")])
        self.assertEqual(100, self.server.balance("after"))

    def test_a_payment_id_pays_one_packet(self):
        _, first_token = self.order("reuser")
        packet_id, second_token = self.order("reuser")
        self.assertEqual(200, self.server.notify(self.notification(first_token, "one-id")).status)
        self.assert_refused(packet_id, "payment_id_reused",
                            lambda: self.server.notify(self.notification(second_token, "one-id")))

    def test_the_amount_must_be_the_packets(self):
        packet_id, pay_token = self.order("exact")
        for amount in (99, 101, 1, 10_000):
            with self.subTest(amount=amount):
                self.assert_refused(packet_id, "amount_mismatch",
                                    lambda: self.server.notify(self.notification(pay_token, "exact-1", amount)))
        for amount in (0, -100, 2**63, "100", 100.5, None, True):
            with self.subTest(amount=amount):
                self.assert_refused(packet_id, "invalid_field",
                                    lambda: self.server.notify(self.notification(pay_token, "exact-1", amount)),
                                    "amount")

    def test_a_notification_must_be_signed_by_its_channel(self):
        packet_id, pay_token = self.order("forged")
        body = json.dumps(self.notification(pay_token, "forged-1")).encode()
        now = int(time.time())
        good = sign_notification(body, self.server.channel_secret)

        def send(signature):
            headers = {} if signature is None else {"Hongbao-Signature": signature}
            with self.server.anyone() as client:
                return client.post("/v1/payments:notify", body, headers)

        for signature in ["", "t=,v1=", "v1=" + good.split("v1=")[1], good[:-1], good + "0",
                          good[:-1] + ("0" if good[-1] != "0" else "1"), good.replace("v1=", "v2="),
                          good.replace(f"t={good[2:12]}", f"t={int(good[2:12]) + 1}"),
                          sign_notification(body, b"another secret"), sign_notification(body + b" ",
                                                                                       self.server.channel_secret)]:
            with self.subTest(signature=signature):
                self.assert_refused(packet_id, "signature_invalid", lambda: send(signature))
        self.assert_refused(packet_id, "signature_invalid", lambda: send(None))
        for at_s in (now - 320, now + 320, 0):
            with self.subTest(at_s=at_s):
                self.assert_refused(packet_id, "notification_stale", lambda: self.server.notify(body, at_s=at_s))
        self.assertEqual(200, send(good).status)

    def test_an_unknown_channel_is_refused(self):
        packet_id, pay_token = self.order("lost")
        before = self.server.money()
        answer = self.server.notify(self.notification(pay_token, "lost-1", channel="nobody"))
        self.assertIn(answer.problem, ["signature_invalid", "invalid_field"])
        self.assertEqual(before, self.server.money())
        self.assertEqual("awaiting_payment", self.state(packet_id))

    def test_a_notification_needs_a_good_pay_token_and_all_its_fields(self):
        packet_id, pay_token = self.order("careless")
        good = self.notification(pay_token, "careless-1")
        self.assert_refused(packet_id, "pay_token_invalid",
                            lambda: self.server.notify({**good, "pay_token": pay_token[:-2]}))
        for field in good:
            without = {key: value for key, value in good.items() if key != field}
            with self.subTest(without=field):
                if field == "channel":  # without it nobody can have signed
                    self.assert_refused(packet_id, "signature_invalid", lambda: self.server.notify(without))
                else:
                    self.assert_refused(packet_id, "invalid_field", lambda: self.server.notify(without), field)
        self.assert_refused(packet_id, "unknown_field", lambda: self.server.notify({**good, "note": "x"}), "note")

    def test_a_deposit_with_a_key_is_made_once(self):
        with self.server.operator() as operator:
            path = "/admin/v1/wallets/saver:deposit"
            first = operator.post(path, {"amount": 70}, {"Idempotency-Key": "deposit-1"})
            again = operator.post(path, {"amount": 70}, {"Idempotency-Key": "deposit-1"})
            self.assertEqual(first.body["transfer_id"], again.body["transfer_id"])
            self.assertEqual(70, self.server.balance("saver"))
            answer = operator.post(path, {"amount": 71}, {"Idempotency-Key": "deposit-1"})
            self.assert_problem(answer, "transfer_id_reused")
            before = self.server.money()
            for amount in (0, -1, 100_000_000_001, 2**63, 2**64, "70", 7.5, None):
                with self.subTest(amount=amount):
                    self.assert_problem(operator.post(path, {"amount": amount}), "invalid_field", "amount")
            self.assert_problem(operator.post("/admin/v1/wallets/no%20body:deposit", {"amount": 1}), "invalid_field")
            self.assertEqual(before, self.server.money())
        self.assertEqual(70, self.server.balance("saver"))


if __name__ == "__main__":
    unittest.main()
