"""One client who wants everything, of one address: what it is owed is bounded, what it holds makes room, others are served."""

import http.client
import time

from hongbao_client import user_token
from system import SystemTest, eventually, in_parallel
from wire import Wire

TAKERS = 600
GREEDY_CONNECTIONS = 40
PIPELINED = 64
CONNECTIONS_MAX = 20
FIRST_BYTE_TIMEOUT_MS = 1_000


class GreedyReaders(SystemTest):
    overrides = {"SERVER_REQUEST_TIMEOUT_MS": 120_000}  # so long an answer may wait for its client

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.packet = cls.server.paid_packet("alice", kind="lucky", total_amount=100 * TAKERS, count=TAKERS)["id"]

        def take(number):
            with cls.server.user(f"taker-{number}") as client:
                client.take(cls.packet)

        in_parallel(take, range(TAKERS), 8)

    def resident_mib(self):
        with open(f"/proc/{self.server.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024

    def test_pages_that_nobody_takes_fill_no_memory(self):
        request = (f"GET /v1/packets/{self.packet}/shares?page_size=1000 HTTP/1.1\r\nHost: x\r\n"
                   f"Authorization: Bearer {user_token('greedy', self.server.jwt_secret)}\r\n\r\n").encode()
        before = self.resident_mib()
        greedy = [Wire(self.server.public) for _ in range(GREEDY_CONNECTIONS)]
        try:
            for wire in greedy:
                wire.send(request * PIPELINED)
            time.sleep(1)
            peak = self.resident_mib()
            self.assertLess(peak - before, 100, "asked for, and not taken: 40 times 64 pages of 80 kB")
            # Others are served meanwhile.
            small = self.server.paid_packet("bob", kind="lucky", total_amount=100, count=2)["id"]
            with self.server.user("carol") as client:
                self.assertEqual("opened", client.take(small)["outcome"])
            # What was asked for is answered when it is taken, or refused alone.
            pages = 0
            for number, wire in enumerate(greedy):
                for taken in range(PIPELINED):
                    answer = wire.answer()
                    self.assertIsNotNone(answer, f"connection {number} ended after {taken}: {self.server.log[-10:]}")
                    if answer.status == 200:
                        self.assertEqual(TAKERS, len(answer.body["shares"]))
                        pages += 1
                    else:
                        self.assert_problem(answer, "overloaded")
            self.assertGreater(pages, GREEDY_CONNECTIONS)
            eventually(lambda: self.resident_mib() - before < 60, "buffers shrink while the connections stay")
        finally:
            for wire in greedy:
                wire.socket.close()


class GreedyConnections(SystemTest):
    overrides = {"SERVER_CONNECTIONS_MAX": CONNECTIONS_MAX, "SERVER_FIRST_BYTE_TIMEOUT_MS": FIRST_BYTE_TIMEOUT_MS}

    def ask(self):
        """The status; None when the connection was refused."""
        try:
            with self.server.user("alice") as client:
                return client.get("/v1/users/me/wallet").status
        except (ConnectionError, http.client.HTTPException):
            return None

    def test_silent_connections_make_room(self):
        silent = [Wire(self.server.public) for _ in range(CONNECTIONS_MAX)]
        for _ in range(2 * CONNECTIONS_MAX):
            self.assertEqual(200, self.ask())
        for wire in silent:
            self.assertTrue(wire.is_closed())
            wire.socket.close()

    def test_whoever_says_nothing_is_sent_away_soon(self):
        began = time.monotonic()
        with Wire(self.server.public) as wire:
            self.assertTrue(wire.is_closed())
        self.assertLess(time.monotonic() - began, 5)

    def test_refusals_do_not_fill_the_log(self):
        lines = len(self.server.log)
        for _ in range(500):
            Wire(self.server.public).socket.close()
        eventually(lambda: self.ask() == 200, "all of them have gone")
        self.assertLess(len(self.server.log) - lines, 10)


class OneAddress(SystemTest):
    overrides = {"SERVER_CONNECTIONS_PER_ADDRESS_MAX": 3}

    def test_who_has_asked_for_nothing_yet_makes_room_for_others_of_its_address(self):
        partial = b"GET /v1/users/me/wallet HTTP/1.1\r\n"
        wires = [Wire(self.server.public) for _ in range(6)]
        for wire in wires:
            wire.send(partial)
        with self.server.user("alice") as client:
            self.assertEqual(200, client.get("/v1/users/me/wallet").status)
        for wire in wires[:3]:
            self.assertTrue(wire.is_closed())
        for wire in wires:
            wire.socket.close()
