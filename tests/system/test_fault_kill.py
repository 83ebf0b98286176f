"""SIGKILL at random moments under load, also while the server starts. HONGBAO_KILLS sets how many (30).

This proves that the process may die anywhere. It proves nothing about fsync: the page cache survives a process. That is
the power cut's part.
"""

import time
import unittest

from faults import FaultTest, option

KILLS = option("HONGBAO_KILLS", 30)
NIGHT_S = 25
BETWEEN_KILLS_S = (0.05, 1.2)
START_S = (0.005, 0.25)  # into a start that is killed itself


class Kill(FaultTest):
    def test_a_server_killed_at_random_moments_keeps_all_it_answered(self):
        server = self.make_server()
        server.start()
        kills = starts_killed = shares = packets = 0
        while kills < KILLS:
            night = self.start_night(server, NIGHT_S, rate=40)
            night.await_shares(20)
            while kills < KILLS and night.time_left() > 2:
                time.sleep(self.dice.uniform(*BETWEEN_KILLS_S))
                server.kill()
                kills += 1
                if self.dice.random() < 0.3:
                    server.spawn()
                    time.sleep(self.dice.uniform(*START_S))
                    server.kill()
                    starts_killed += 1
                server.start()
                night.check_live()
            figures = night.finish()
            self.assert_audit_holds(server)
            shares += figures["checked_shares"]
            packets += figures["checked_packets"]
        self.assertEqual(0, server.stop())
        self.report(kills=kills, kills_of_starting_servers=starts_killed, packets=packets, shares=shares)
        self.assertGreater(shares, kills)


if __name__ == "__main__":
    unittest.main()
