"""A packet of a group is for the members of that group, by what the caller's own token says, at whatever node."""

import unittest

from hongbao_client import Client, user_token
from system import SystemTest
from two_nodes import TwoNodesTest

FAMILY = {"groups": ["family", "friends@example.org"]}
OTHERS = {"groups": ["colleagues", "Family", "famil", "family2"]}
AMOUNTS = {"total_amount", "opened_amount", "opened_count"}


class Groups:
    """What must hold, whether calls are forwarded or not. `client(user, **claims)` may be of any node."""

    def check_life_of_a_packet(self, deposit, client_of, run=""):
        """`run`: tells its users from those of other runs."""
        def client(user, **claims):
            return client_of(user + run, **claims)

        deposit("sender" + run, 1_000)
        request = {"kind": "lucky", "total_amount": 1_000, "count": 4, "group_id": "family"}
        for claims in ({}, OTHERS, {"groups": []}):
            self.assert_problem(client("sender", **claims).send("no-member", **request), "not_in_group", "group_id")
        sent = client("sender", **FAMILY).send("key", **request)
        self.assertEqual((201, "family"), (sent.status, sent.body["packet"]["group_id"]), sent)
        packet = sent.body["packet"]["id"]
        path = f"/v1/packets/{packet}"
        absent = path[:-1] + ("0" if path[-1] != "0" else "1")

        def sees(of, shares):
            view = of.packet(packet)
            self.assertEqual((200, "family"), (view.status, view.body["packet"]["group_id"]), view)
            listed = of.get(path + "/shares")
            self.assertEqual(shares, listed.problem or len(listed.body["shares"]), listed)

        def sees_nothing(of):
            for more in ("", "/shares"):
                self.assertEqual(self.told(of.get(absent + more)), self.told(of.get(path + more)))
                self.assertEqual(404, of.get(path + more).status)

        def others(user):
            return [client(user), client(user, **OTHERS), client(user, groups=[])]

        sees(client("member", **FAMILY), "not_paid")
        sees(client("sender"), "not_paid")
        for other in others("other"):
            sees_nothing(other)
        # The sender needs no claim, for what is the sender's already.
        paid = client("sender").pay(packet, sent.body["pay_token"])
        self.assertEqual((200, "family"), (paid.status, paid.body["packet"]["group_id"]), paid)

        ticket = client("other", **FAMILY).grab(packet).body["ticket"]
        for other in others("other"):
            sees_nothing(other)
            self.assert_problem(other.grab(packet), "not_in_group", "id")
            self.assert_problem(other.open(packet, ticket), "not_in_group", "id")
        sees(client("member", **FAMILY), "open_first")
        taken = client("member", **FAMILY).take(packet)
        self.assertEqual("opened", taken["outcome"])
        sees(client("member", **FAMILY), 1)
        # Who has left the group keeps the share and is told of it, and sees the packet no more.
        for left in others("member"):
            self.assertEqual(taken, left.take(packet))
            sees_nothing(left)
        sees(client("sender"), 1)
        self.assertEqual("opened", client("sender").take(packet)["outcome"])
        for number in range(2):
            self.assertEqual("opened", client(f"late-{number}", **FAMILY).take(packet)["outcome"])
        # Finished, and perhaps in caches: the same.
        for _ in range(2):
            for viewer in (client("sender"), client("onlooker", **FAMILY)):
                sees(viewer, 4)
                self.assertLessEqual(AMOUNTS | {"seed"}, viewer.packet(packet).body["packet"].keys())
            for other in others("other"):
                sees_nothing(other)
                self.assert_problem(other.grab(packet), "not_in_group", "id")
        self.assertEqual({"outcome": "exhausted"}, client("onlooker", **FAMILY).grab(packet).body)
        return packet

    def check_exclusive(self, deposit, client):
        deposit("sender", 52)
        sent = client("sender", **FAMILY).send("exclusive", kind="exclusive", total_amount=52, count=1,
                                               recipient_id="beloved", group_id="family").body
        packet = sent["packet"]["id"]
        self.assertEqual(200, client("sender").pay(packet, sent["pay_token"]).status)
        self.assert_problem(client("beloved").grab(packet), "not_in_group", "id")
        self.assertEqual(404, client("beloved").packet(packet).status)
        self.assertEqual({"outcome": "not_for_you"}, client("member", **FAMILY).grab(packet).body)
        self.assertEqual(404, client("member", **FAMILY).packet(packet).status)
        self.assertEqual(200, client("beloved", **FAMILY).packet(packet).status)
        self.assertEqual(52, client("beloved", **FAMILY).take(packet)["share"]["amount"])

    def assert_problem(self, answer, problem, field=None):
        self.assertEqual((problem, field), (answer.problem, (answer.body or {}).get("field")), answer)

    @staticmethod
    def told(answer):
        return answer.status, {name: value for name, value in answer.body.items() if name != "instance"}


class GroupsAtOneNode(Groups, SystemTest):
    overrides = {"SERVER_HEADER_BYTES_MAX": 32_768}  # for tokens with more groups than are taken

    def client(self, user, **claims):
        client = self.server.user(user, **claims)
        self.addCleanup(client.close)
        return client

    def test_a_packet_of_a_group_is_for_its_members_and_its_sender(self):
        packet = self.check_life_of_a_packet(self.server.deposit, self.client)
        # Read from its store, it is the same group's.
        self.assertEqual(0, self.server.stop())
        self.server.start()
        self.assertEqual(404, self.client("other", **OTHERS).packet(packet).status)
        self.assertEqual("family", self.client("member", **FAMILY).packet(packet).body["packet"]["group_id"])

    def test_an_exclusive_packet_of_a_group_is_for_its_recipient_who_is_in_it(self):
        self.check_exclusive(self.server.deposit, self.client)

    def test_what_breaks_a_rule_is_told(self):
        request = {"kind": "lucky", "total_amount": 100, "count": 4}
        for group in ("", "a b", "x" * 65, "/family", "小家"):
            self.assert_problem(self.client("sender", **FAMILY).send("bad", **request, group_id=group), "invalid_field",
                                "group_id")
        for groups, rule in (("family", "`groups` is an array of at most 1000 strings"), (None, "is an array of at most"),
                             ({"family": 1}, "is an array of at most"), ([f"g{i}" for i in range(1_001)], "at most 1000"),
                             ([1], "`groups` are strings of 1 to 64"), (["a b"], "are strings of"), ([""], "are strings of"),
                             (["x" * 65], "are strings of"), ([["family"]], "are strings of")):
            for answer in (self.client("sender", groups=groups).send("key", **request),
                           self.client("sender", groups=groups).get("/v1/users/me/wallet")):
                self.assertEqual((401, "unauthenticated"), (answer.status, answer.problem), answer)
                self.assertIn(rule, answer.body["detail"])
        answer = self.client("sender", groups=["x" * 64] * 250).get("/v1/users/me/wallet")
        self.assert_problem(answer, "unauthenticated", "Authorization")
        self.assertRegex(answer.body["rule"], "is a token of [0-9]+ characters: at most 16384 are taken")
        many = [f"g{i}" for i in range(500)]
        self.assertEqual(201, self.client("sender", groups=many).send("many", **request, group_id="g499").status)

    def test_the_same_key_with_another_group_is_another_send(self):
        request = {"kind": "lucky", "total_amount": 100, "count": 4}
        sender = self.client("repeater", **FAMILY)
        first = sender.send("key", **request, group_id="family")
        self.assertEqual(first.body, sender.send("key", **request, group_id="family").body)
        self.assert_problem(sender.send("key", **request), "idempotency_key_reused", "Idempotency-Key")
        self.assert_problem(sender.send("key", **request, group_id="friends@example.org"), "idempotency_key_reused",
                            "Idempotency-Key")

    def test_hongbaoctl_makes_tokens_of_members(self):
        self.server.deposit("ann", 100)
        packet = self.server.ctl("token", "--user", "ann", "--group", "family", "--group", "work").stdout.strip()
        with self.server.anyone(packet) as ann:
            for group in ("family", "work"):
                self.assertEqual(201, ann.send(group, kind="lucky", total_amount=10, count=1, group_id=group).status)
            self.assert_problem(ann.send("x", kind="lucky", total_amount=10, count=1, group_id="x"), "not_in_group", "group_id")
            sent = ann.send("family", kind="lucky", total_amount=10, count=1, group_id="family").body
            self.assertEqual(200, ann.pay(sent["packet"]["id"], sent["pay_token"]).status)
            ann.take(sent["packet"]["id"])
        packet = sent["packet"]["id"]
        self.assertIn("family", self.server.ctl("packet", "show", packet, "--group", "family").stdout)
        self.assertNotEqual(0, self.server.ctl("packet", "show", packet, check=False).returncode)
        self.assertEqual(0, self.server.ctl("verify", "--packet", packet, "--group", "family").returncode)
        self.assertNotEqual(0, self.server.ctl("verify", "--packet", packet, check=False).returncode)
        self.assertIn("--group", self.server.ctl("token", "--user", "ann", "--group", "a b", check=False).stderr)


class GroupsAtTwoNodes(Groups, TwoNodesTest):
    def client_of(self, node, user, **claims):
        client = Client(node.address, user_token(user, self.front.jwt_secret, **claims))
        self.addCleanup(client.close)
        return client

    def test_every_node_asks_the_callers_own_token(self):
        for node in self.region.nodes:
            def client(user, node=node, **claims):
                return self.client_of(node, user, **claims)

            forwarded = set()
            for number in range(30):  # until a packet was of this node's shards, and one of the other's
                packet = self.check_life_of_a_packet(self.front.deposit, client, run=f"-{node.name}-{number}")
                forwarded.add(client("other").grab(packet).headers["Hongbao-Owner"] is not None)
                if len(forwarded) == 2:
                    break
            self.assertEqual({False, True}, forwarded)


if __name__ == "__main__":
    unittest.main()
