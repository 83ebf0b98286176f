"""The link between nodes as a stranger and as a lying node see it, and its certificates, which are changed while it
carries everything."""

import http.client
import itertools
import json
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

import link_stranger
from hongbao_client import Client, sign_notification, user_token
from link_stranger import LinkStranger, field, user_call
from system import eventually
from two_nodes import TwoNodesTest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy"))
from certificates import Authority  # noqa: E402


class LinkTest(TwoNodesTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.secrets = cls.region.directory / "secrets"

    def bearer(self, user, ttl_s=3600):
        return f"Bearer {user_token(user, self.front.jwt_secret, ttl_s)}".encode()

    def owner_of(self, packet):
        with self.front.operator() as operator:
            shards = {each["shard"]: each["state"] for each in operator.get("/admin/v1/shards").body["shards"]}
        return self.region.nodes[0] if shards[packet[:4]] == "serving" else self.region.nodes[1]

    def logged(self, node, event):
        return sum(f'"event":"{event}"' in line for line in node.log.read_text().splitlines())

    def assert_not_let_in(self, *arguments, **named):
        with self.assertRaises((ssl.SSLError, ConnectionError)), \
                LinkStranger(self.region.nodes[0], *arguments, **named) as stranger:
            stranger.frame()  # TLS 1.3 tells a client only now

    def test_who_is_no_node_is_not_let_in(self):
        self.assert_not_let_in(self.secrets, None)
        with tempfile.TemporaryDirectory(prefix="hongbao-others-") as others:
            certificate, key = Authority(others).certificate("node2", ("DNS:node2.south.hongbao",))
            for file, name in ((certificate, "stranger.pem"), (key, "stranger.key")):
                (self.secrets / name).write_bytes(file.read_bytes())
        self.assert_not_let_in(self.secrets, "stranger")
        # Signed by our authority, for a node of another region.
        self.region.ctl("node", "certify", self.region.directory, "elsewhere", "--region", "north")
        self.assert_not_let_in(self.secrets, "elsewhere")
        self.assert_not_let_in(self.secrets, "node2", named="node2")  # whoever asks for another gets this one's name
        with self.assertRaises(ssl.SSLError):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with link_stranger.socket.create_connection(("127.0.0.1", self.region.nodes[0].peer_port)) as raw:
                context.wrap_socket(raw)
        http_client = http.client.HTTPConnection("127.0.0.1", self.region.nodes[0].peer_port, timeout=10)
        with self.assertRaises((ConnectionError, http.client.HTTPException)):
            http_client.request("GET", "/")
            http_client.getresponse()
        http_client.close()
        self.assertGreater(self.logged(self.region.nodes[0], "peer_refused"), 0)

    def test_a_node_that_lies_asks_for_nothing_in_a_users_name(self):
        packet = self.front.paid_packet("sender", kind="equal", total_amount=1000, count=10)["id"]
        owner = self.owner_of(packet)
        self.region.certify("liar")
        with LinkStranger(owner, self.secrets, "liar") as liar:
            grab = user_call(link_stranger.GRAB, "victim", packet)
            self.assertEqual(link_stranger.TOKEN_MISSING, liar.refusal(grab))
            self.assertEqual(link_stranger.UNAUTHENTICATED, liar.refusal(grab, b"Bearer forged"))
            self.assertEqual(link_stranger.UNAUTHENTICATED, liar.refusal(grab, self.bearer("liar")))
            self.assertEqual(28, liar.refusal(grab, self.bearer("victim", ttl_s=-60)), "token_expired")
            self.assertIsNone(liar.refusal(grab, self.bearer("victim", ttl_s=-20)), "it was good a moment ago elsewhere")
            self.assertIsNone(liar.refusal(grab, self.bearer("victim")))
            view = field(link_stranger.VIEW, field(1, link_stranger.packet_key(packet)) + field(2, b"anybody"))
            self.assertEqual(link_stranger.TOKEN_MISSING, liar.refusal(view))
            self.assertIsNone(liar.refusal(view, self.bearer("anybody")))
        self.assertGreater(self.logged(owner, "forwarded_call_refused"), 0)

    def test_a_node_that_lies_pays_with_nobodys_money(self):
        """It says that an order is the victim's, and that a channel has paid another: neither is in what was sealed or
        signed."""
        with Client(self.front.public, user_token("sender", self.front.jwt_secret)) as sender:
            sent = sender.send("unpaid", kind="equal", total_amount=300, count=3).body
        packet = sent["packet"]["id"]
        key = link_stranger.packet_key(packet)
        owner = self.owner_of(packet)
        order = b"".join((field(1, key), field(2, b"victim"), field(4, 2), field(5, 3), field(6, 300), field(7, 3),
                          field(8, bytes(32)), field(9, 1_700_000_000_000), field(10, 4_000_000_000_000)))
        forged = field(1, order) + field(2, b"no token")
        sealed = field(1, order) + field(2, sent["pay_token"].encode())
        self.front.deposit("victim", 10_000)
        self.region.certify("liar")
        with LinkStranger(owner, self.secrets, "liar") as liar:
            pay = user_call(link_stranger.PAY, "victim", packet, field(3, forged))
            self.assertEqual(link_stranger.PAY_TOKEN_INVALID, liar.refusal(pay, self.bearer("victim")))
            # The token is another's order, whatever is said beside it: the victim is not its sender.
            pay = user_call(link_stranger.PAY, "victim", packet, field(3, sealed))
            self.assertIsNotNone(liar.refusal(pay, self.bearer("victim")))
            body = json.dumps({"channel": "demo", "payment_id": "p1", "amount": 300,
                               "pay_token": sent["pay_token"]}).encode()
            notify = field(link_stranger.NOTIFY, field(1, b"demo") + field(2, b"p1") + field(3, 300) + field(4, sealed))
            self.assertEqual(link_stranger.SIGNATURE_INVALID, liar.refusal(notify, b"t=1,v1=00", body))
            signature = sign_notification(body, self.front.channel_secret).encode()
            dear = field(link_stranger.NOTIFY, field(1, b"demo") + field(2, b"p1") + field(3, 1) + field(4, sealed))
            self.assertEqual(link_stranger.SIGNATURE_INVALID, liar.refusal(dear, signature, body + b" "))
            self.assertIsNone(liar.refusal(dear, signature, body), "what the channel has signed counts")
        with Client(self.front.public, user_token("victim", self.front.jwt_secret)) as victim:
            self.assertEqual(10_000, victim.wallet()["balance"])
            self.assertEqual("active", victim.packet(packet).body["packet"]["state"])

    def test_certificates_are_changed_while_calls_are_forwarded(self):
        nodes = self.region.nodes
        packets = [self.front.paid_packet("sender", kind="equal", total_amount=1000, count=1000)["id"]
                   for _ in range(6)]
        stop, failed, counts = threading.Event(), [], itertools.count()

        def open_all(node):
            for number in itertools.count():
                if stop.is_set():
                    return
                with Client(node.address, user_token(f"{node.name}-{number}", self.front.jwt_secret)) as client:
                    packet = packets[number % len(packets)]
                    try:
                        client.take(packet)
                        next(counts)
                    except AssertionError as error:
                        failed.append((node.name, packet, error))

        threads = [threading.Thread(target=open_all, args=(node,), daemon=True) for node in nodes]
        for thread in threads:
            thread.start()

        def renewed(step):
            before = {node.name: self.logged(node, "node_certificate_renewed") for node in nodes}
            step()
            eventually(lambda: all(self.logged(node, "node_certificate_renewed") > before[node.name] for node in nodes),
                       "both nodes have read their certificates again")

        def ctl(*arguments):
            self.region.ctl(*arguments, self.region.directory)

        def certify():
            for node in nodes:
                self.region.certify(node.name)

        try:
            renewed(lambda: ctl("authority", "add"))
            renewed(certify)
            old = (self.secrets / "nodes-ca.pem").read_text()
            renewed(lambda: ctl("authority", "retire"))
            self.assertLess(len((self.secrets / "nodes-ca.pem").read_text()), len(old))
            # A file that is no certificate leaves what there is in use, and is told.
            good = (self.secrets / "node1.pem").read_text()
            (self.secrets / "node1.pem").write_text("no certificate")
            eventually(lambda: self.logged(nodes[0], "node_certificate_refused") > 0, "it is told")
            renewed_before = self.logged(nodes[0], "node_certificate_renewed")
            (self.secrets / "node1.pem").write_text(good)
            eventually(lambda: self.logged(nodes[0], "node_certificate_renewed") > renewed_before, "it is read again")
        finally:
            stop.set()
            for thread in threads:
                thread.join(30)
        self.assertEqual([], failed[:3])
        self.assertGreater(next(counts), 20)
        # What the old authority signed is no node any more; and nodes that connect anew find each other.
        nodes[1].stop()
        nodes[1].start()
        owner_known = self.front.paid_packet("sender", kind="equal", total_amount=100, count=100)["id"]
        for number, node in enumerate(nodes * 4):
            with Client(node.address, user_token(f"late-{number}", self.front.jwt_secret)) as client:
                client.take(owner_known)

    def test_a_start_with_another_nodes_certificate_is_refused(self):
        node = self.region.nodes[0]
        for name, words in (("node2", "is not for node9.south.hongbao"), ("missing", "node.tls_cert_file")):
            command = [node.program, "--config", node.config, "--set=node.name=node9",
                       f"--set=node.tls_cert_file={self.secrets / name}.pem",
                       f"--set=node.tls_key_file={self.secrets / name}.key"]
            result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
            self.assertEqual(2, result.returncode)
            self.assertIn(words, result.stderr)


if __name__ == "__main__":
    unittest.main()
