"""A region of two nodes for the tests of one class, and what must hold behind each of them."""

import pathlib
import sys
import tempfile
import unittest

from system import binary
from test_region import Front

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy"))
from region import Region  # noqa: E402


class TwoNodesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="hongbao-two-nodes-"))
        cls.region = Region(directory, pathlib.Path(binary("hongbaod")).parent, nodes=2)
        cls.addClassCleanup(cls.region.kill)
        cls.region.start()
        cls.front = Front(cls.region)

    def tearDown(self):
        for node in self.region.nodes:
            self.assertIsNone(node.process.poll(), node.log.read_text()[-3_000:])
        self.front.money()
        audit = self.front.audit(deep=True).body
        self.assertEqual((0, True, []), (audit["difference"], audit["balanced"], audit.get("violations", [])))
