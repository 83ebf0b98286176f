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
        starts_killed = 0

        def kill(_):
            nonlocal starts_killed
            time.sleep(self.dice.uniform(*BETWEEN_KILLS_S))
            server.kill()
            if self.dice.random() < 0.3:
                server.spawn()
                time.sleep(self.dice.uniform(*START_S))
                server.kill()
                starts_killed += 1
            server.start()

        checked = self.play_nights(server, KILLS, kill, seconds=NIGHT_S, rate=40, round_s_max=2)
        self.report(kills=KILLS, kills_of_starting_servers=starts_killed, **checked)
        self.assertGreater(checked["shares"], KILLS)


if __name__ == "__main__":
    unittest.main()
