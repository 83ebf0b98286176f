"""SIGSTOP for longer than every timeout, then SIGCONT: a machine that was suspended, or a debugger that held the server.

What waited meanwhile has passed its deadline and must be told so; what was answered must stay.
"""

import collections
import http.client
import signal
import threading
import time
import unittest

from faults import FaultTest, FaultyDisk, option

FREEZES = option("HONGBAO_FREEZES", 4)
FROZEN_S = (1.5, 2.5)
NIGHT_S = 18
TAKERS = 24
SYNC_US_MAX = 100_000
STAGGER_S = 0.01


class Freeze(FaultTest):
    # All below the time for which the server is stopped.
    settings = {**FaultTest.settings, "SHARDS_COMMAND_TIMEOUT_MS": 400, "SERVER_REQUEST_TIMEOUT_MS": 1_000,
                "SERVER_IDLE_TIMEOUT_MS": 1_000}

    def freeze(self, server):
        server.process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(self.dice.uniform(*FROZEN_S))
        finally:
            server.process.send_signal(signal.SIGCONT)

    def test_a_night_goes_on_after_every_freeze(self):
        server = self.make_server()
        server.start()

        def freeze(_):
            time.sleep(self.dice.uniform(0.2, 1.5))
            self.freeze(server)

        checked = self.play_nights(server, FREEZES, freeze, seconds=NIGHT_S, rate=40, round_s_max=4)
        self.report(freezes=FREEZES, **checked)

    def test_what_waited_too_long_is_answered_honestly(self):
        server = self.make_server()
        # A slow disk keeps commands waiting, so that the freeze finds some.
        FaultyDisk(server, self.dice).set(SYNC_US_MAX=SYNC_US_MAX)
        server.start()
        outcomes = collections.Counter()
        for _ in range(FREEZES):
            packet = server.paid_packet("sender", kind="lucky", total_amount=10_000, count=TAKERS + 1)
            tickets, answers = self.open_into_a_freeze(server, packet["id"])
            kept = self.shares_by_user(server, packet["id"])
            for user, answer in answers.items():
                outcomes[self.check_answer(answer, kept.get(user))] += 1
            # Asked again, everyone gets the one share that is theirs.
            for user, ticket in tickets.items():
                with server.user(user) as client:
                    share = client.open(packet["id"], ticket).body["share"]
                    self.assertEqual(kept.get(user, share), share)
            self.assertEqual(TAKERS, len(self.shares_by_user(server, packet["id"])))
        self.assert_audit_holds(server)
        self.assertEqual(0, server.stop())
        self.report(**outcomes)

    def open_into_a_freeze(self, server, packet_id):
        """Takers open a packet one soon after the other, and the server is stopped right after the last: some are being
        committed then, some wait. Their tickets and answers, by user; None for a connection that was closed as idle: no
        answer is no promise."""
        clients = {f"taker-{i}": server.user(f"taker-{i}") for i in range(TAKERS)}
        tickets = {user: client.grab(packet_id).body["ticket"] for user, client in clients.items()}
        answers = dict.fromkeys(clients)

        def open_packet(user):
            try:
                answers[user] = clients[user].open(packet_id, tickets[user])
            except (OSError, http.client.HTTPException):
                pass

        threads = [threading.Thread(target=open_packet, args=(user,)) for user in clients]
        for thread in threads:
            thread.start()
            time.sleep(self.dice.uniform(0, STAGGER_S))
        self.freeze(server)
        for thread in threads:
            thread.join(30)
        for client in clients.values():
            client.close()
        return tickets, answers

    def check_answer(self, answer, kept_share):
        """The answer's name, once it is shown to agree with what was kept."""
        if answer is None:
            return "none"
        if answer.status == 200:
            self.assertEqual("opened", answer.body["outcome"])
            self.assertEqual(answer.body["share"], kept_share)
            return "opened"
        self.assertIn(answer.problem, ("deadline_exceeded", "unavailable", "overloaded", "outcome_unknown"))
        if answer.problem != "outcome_unknown":
            self.assertIsNone(kept_share, "answered that nothing was done")
        return answer.problem

    def shares_by_user(self, server, packet_id):
        with server.user("sender") as client:
            shares = client.pages(f"/v1/packets/{packet_id}/shares", "shares", page_size=1000)
        return {share["user_id"]: {key: share[key] for key in ("seq", "amount", "opened_at", "voucher")}
                for share in shares}


if __name__ == "__main__":
    unittest.main()
