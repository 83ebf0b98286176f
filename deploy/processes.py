"""Processes that an earlier command started: known by pid and start time, for the pid alone may be another's by now."""

import contextlib
import dataclasses
import os
import pathlib
import select
import signal

from engines import answers

# Their data is removed, so nothing is lost by haste. (MariaDB may hang when it is asked to stop while it starts.)
STOP_TIMEOUT_S = 20


def stat(pid):
    """(state letter, start time in ticks since boot); None when there is no such process."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        # The name, in parentheses, may hold anything.
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[0], int(fields[19])
    return None


@dataclasses.dataclass
class Process:
    name: str
    pid: int
    start_time: int
    address: str
    log: str
    admin: str | None  # where /readyz is, for those that have it

    @staticmethod
    def of(name, pid, address, log, admin):
        found = stat(pid)
        return Process(name, pid, found[1] if found else 0, address, str(log), admin)

    def is_alive(self):
        found = stat(self.pid)
        return found is not None and found[0] != "Z" and found[1] == self.start_time

    def condition(self, readyz):
        if not self.is_alive():
            return "ended"
        if stat(self.pid)[0] == "T":
            return "frozen"
        ready = readyz(self.admin) if self.admin else answers(int(self.address.rpartition(":")[2]))
        return "ready" if ready else "not ready"

    def stop(self):
        """Asks it to end, then makes it. What happened, in words."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return "had ended"
        try:
            if not self.is_alive():  # looked at only now, when the handle can't become another process
                return "had ended"
            signal.pidfd_send_signal(handle, signal.SIGTERM)
            signal.pidfd_send_signal(handle, signal.SIGCONT)
            if self._ended(handle):
                return "stopped"
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            self._ended(handle)
            return f"killed, as it did not stop within {STOP_TIMEOUT_S} s"
        finally:
            os.close(handle)

    @staticmethod
    def _ended(handle):
        return bool(select.select([handle], [], [], STOP_TIMEOUT_S)[0])
