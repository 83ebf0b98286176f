"""Processes that an earlier command started: known by pid and start time, for the pid alone may be another's by now.
One that was ended and started again by hand is known by its program and by the port where it listens."""

import contextlib
import dataclasses
import os
import pathlib
import select
import signal
import subprocess
import time

from engines import START_TIMEOUT_S, EngineError, answers, clean_environment, last_line

# Their data is removed, so nothing is lost by haste. (MariaDB may hang when it is asked to stop while it starts.)
STOP_TIMEOUT_S = 20
LISTENS = "0A"


def stat(pid):
    """(state letter, start time in ticks since boot); None when there is no such process."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        # The name, in parentheses, may hold anything.
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[0], int(fields[19])
    return None


def listener(port):
    """The pid of a process that listens at this port and may be looked at; None when there is none."""
    sockets = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(FileNotFoundError):
            for line in pathlib.Path("/proc/net", table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                    sockets.add(f"socket:[{fields[9]}]")
    for descriptors in pathlib.Path("/proc").glob("[0-9]*/fd") if sockets else ():
        with contextlib.suppress(OSError):  # it ends, or is another user's
            for descriptor in descriptors.iterdir():
                with contextlib.suppress(OSError):
                    if os.readlink(descriptor) in sockets:
                        return int(descriptors.parent.name)
    return None


def program(pid):
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")  # it was built anew since
    return None


@dataclasses.dataclass
class Process:
    name: str
    pid: int
    start_time: int
    address: str
    log: str
    admin: str | None  # where it is operated, for those that have it
    health: str | None = None  # where /readyz is, for those that have it
    command: list[str] = dataclasses.field(default_factory=list)
    environment: dict[str, str] = dataclasses.field(default_factory=dict)  # on top of the caller's, without its HONGBAO_…
    by_hand: bool = False

    @staticmethod
    def of(name, pid, address, log, admin, health, command=(), environment=None):
        found = stat(pid)
        return Process(name, pid, found[1] if found else 0, address, str(log), admin, health,
                       [str(word) for word in command],
                       environment or {})

    @property
    def port(self):
        return int(self.address.rpartition(":")[2])

    def is_alive(self):
        found = stat(self.pid)
        return found is not None and found[0] != "Z" and found[1] == self.start_time

    def current(self):
        """The process that has its place now, whoever started it; None when there is none."""
        if self.is_alive():
            return self
        pid = listener(self.port)
        found = stat(pid) if pid else None
        if found is None or not self.command or program(pid) != os.path.realpath(self.command[0]):
            return None
        return dataclasses.replace(self, pid=pid, start_time=found[1], by_hand=True)

    def condition(self, readyz):
        current = self.current()
        if current is None:
            stranger = listener(self.port)
            return f"ended; its port is taken by pid {stranger}" if stranger else "ended"
        found = stat(current.pid)
        if found is None:
            return "ended"
        if found[0] == "T":
            return "frozen"
        return "ready" if self._is_ready(readyz) else "not ready"

    def _is_ready(self, readyz):
        return readyz(self.health) if self.health else answers(self.port)

    def start(self, readyz):
        """As it was started first. The new process, which is ready."""
        current = self.current()
        if current is not None:
            raise EngineError(f"{self.name} runs already, as pid {current.pid}")
        if answers(self.port):
            raise EngineError(f"{self.name} can't start: another program listens at {self.address}")
        with open(self.log, "ab") as log:
            # Reaped by nobody: this command ends before it.
            started = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                       start_new_session=True, env={**clean_environment(), **self.environment})
        new = Process.of(self.name, started.pid, self.address, self.log, self.admin, self.health, self.command,
                         self.environment)
        end = time.monotonic() + START_TIMEOUT_S
        while not self._is_ready(readyz):
            if started.poll() is not None or time.monotonic() > end:
                started.kill()
                raise EngineError(f"{self.name} did not start: {last_line(pathlib.Path(self.log))}; see {self.log}")
            time.sleep(0.02)
        return new

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
