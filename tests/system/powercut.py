"""What a power cut leaves of a disk, worked out from the journal that faulty_disk writes.

A Disk holds two states at once: what programs see (the page cache), and what is durable. A sync makes a file's writes
durable; a sync of a directory makes the entries durable that were made, removed or renamed in it. At a cut every write
that was not synced is, each on its own, lost, kept, or torn: sectors of 512 bytes are the unit that a disk writes whole.
So later writes survive earlier ones. Of a directory's unsynced changes the first few survive, as in a file system that
journals its structure; a file's own sync does not keep its name.

After a failed sync the writes it was for are decided like that at once, and a later sync does not bring them back: Linux
marks the pages clean. Programs still see them, until the cut.
"""

import dataclasses
import pathlib
import struct

HEADER = struct.Struct("<IB3xQQ")
OPENED, CREATED, MADE_DIR, REMOVED, RENAMED, WRITTEN, TRUNCATED, SYNCED, SYNC_FAILED = range(1, 10)
SECTOR_BYTES = 512
CALL_BYTES_MAX = 4096  # SQLite writes a page, or a page's header, at a time


def write_into(content, offset, data):
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset:offset + len(data)] = data


def truncate(content, length):
    if length < len(content):
        del content[length:]
    else:
        content.extend(bytes(length - len(content)))


@dataclasses.dataclass
class Losses:
    """How a cut decided about what was not synced."""
    lost: int = 0
    kept: int = 0
    torn: int = 0
    entries_lost: int = 0


class Merciless:
    """In place of dice: whatever was not synced is lost."""

    def choice(self, _):
        return "lost"

    def randint(self, least, _):
        return least


class File:
    def __init__(self):
        self.seen = bytearray()
        self.durable = bytearray()
        self.pending = []  # (offset, data) of writes; (length, None) of truncations

    def write(self, offset, data):
        write_into(self.seen, offset, data)
        self.pending.append((offset, data))

    def truncate(self, length):
        truncate(self.seen, length)
        self.pending.append((length, None))

    def sync(self):
        for position, data in self.pending:
            if data is None:
                truncate(self.durable, position)
            else:
                write_into(self.durable, position, data)
        self.pending = []

    def lose(self, dice, losses):
        """Decides about everything that is not synced."""
        for position, data in self.pending:
            fate = dice.choice(("lost", "kept", "torn"))
            setattr(losses, fate, getattr(losses, fate) + 1)
            if fate == "lost":
                continue
            if data is None:
                truncate(self.durable, position)
            elif fate == "kept":
                write_into(self.durable, position, data)
            else:
                self._tear(position, data, dice)
        self.pending = []

    def _tear(self, offset, data, dice):
        at = offset
        while at < offset + len(data):
            end = min((at // SECTOR_BYTES + 1) * SECTOR_BYTES, offset + len(data))
            if dice.random() < 0.5:
                write_into(self.durable, at, data[at - offset:end - offset])
            at = end


class Directory:
    def __init__(self):
        self.seen = {}
        self.durable = {}
        self.pending = []  # entries as they were seen after each change

    def change(self, name, node):
        """Gives `name` to a node, or with None takes it away."""
        self.seen.pop(name, None)
        if node is not None:
            self.seen[name] = node
        self.pending.append(dict(self.seen))

    def sync(self):
        self.durable = dict(self.seen)
        self.pending = []

    def lose(self, dice, losses):
        survive = dice.randint(0, len(self.pending))
        losses.entries_lost += len(self.pending) - survive
        if survive:
            self.durable = self.pending[survive - 1]
        self.pending = []
        for node in self.durable.values():
            node.lose(dice, losses)


class Disk:
    """One directory tree. `play` a journal after each process that used it, `cut` when the power goes."""

    def __init__(self, dice):
        self.dice = dice
        self.root = Directory()
        self.failed_syncs = 0
        self.syncs = 0
        self._nodes = {}  # by inode

    def play(self, journal):
        """Takes in what one process did. The last record is left out when the process died while writing it."""
        if not pathlib.Path(journal).exists():  # it died before it came to any file
            return
        data = pathlib.Path(journal).read_bytes()
        at = 0
        while at + HEADER.size <= len(data):
            length, kind, inode, offset = HEADER.unpack_from(data, at)
            at += HEADER.size
            if at + length > len(data):
                break
            self._apply(kind, inode, offset, data[at:at + length])
            at += length
        pathlib.Path(journal).unlink()

    def _apply(self, kind, inode, offset, payload):
        if kind == OPENED:
            self._nodes[inode] = self._find(payload.decode())
        elif kind in (CREATED, MADE_DIR):
            self._nodes[inode] = File() if kind == CREATED else Directory()
            self._change(payload.decode(), self._nodes[inode])
        elif kind == REMOVED:
            self._change(payload.decode(), None)
        elif kind == RENAMED:
            self._rename(*payload.decode().split("\0"))
        elif kind == WRITTEN:
            self._nodes[inode].write(offset, payload)
        elif kind == TRUNCATED:
            self._nodes[inode].truncate(offset)
        elif kind == SYNCED:
            self.syncs += 1
            self._nodes[inode].sync()
        elif kind == SYNC_FAILED:
            self.failed_syncs += 1
            self._nodes[inode].lose(self.dice, Losses())
        else:
            raise AssertionError(f"no record is of kind {kind}")

    def _find(self, path):
        node = self.root
        for part in filter(None, path.split("/")):
            node = node.seen[part]
        return node

    def _change(self, path, node):
        parent, _, name = path.rpartition("/")
        self._find(parent).change(name, node)

    def _rename(self, before, after):
        assert before.rpartition("/")[0] == after.rpartition("/")[0], "a move between directories is not modelled"
        parent, _, name = before.rpartition("/")
        directory = self._find(parent)
        node = directory.seen.pop(name)
        directory.change(after.rpartition("/")[2], node)  # one step: the entry is never missing

    def catch_up(self, path):
        """Compares with the real directory, which programs must see as they see this disk: else something wrote past
        the journal. One call may be missing, made and not written down yet when the process died; it is taken over."""
        real = {str(file.relative_to(path)): file.read_bytes() for file in pathlib.Path(path).rglob("*")
                if file.is_file() and not file.name.endswith("-shm")}
        here = dict(self._files(self.root, ""))
        unequal = [name for name in real.keys() | here.keys() if real.get(name) != here.get(name)]
        assert len(unequal) <= 1, f"written past the journal: {unequal}"
        for name in unequal:
            self._take_over(name, real.get(name))

    def _take_over(self, name, real):
        if real is None:
            self._change(name, None)
            return
        if name not in dict(self._files(self.root, "")):
            assert not real, f"{name}: made and written past the journal"
            self._change(name, File())
            return
        file = self._find(name)
        if len(real) < len(file.seen):
            file.truncate(len(real))
        differing = [i for i in range(len(real)) if i >= len(file.seen) or real[i] != file.seen[i]]
        if differing:
            first, last = differing[0], differing[-1]
            assert last - first < CALL_BYTES_MAX, f"{name}: bytes {first} to {last} were written past the journal"
            file.write(first, real[first:last + 1])

    def _files(self, directory, prefix):
        for name, node in directory.seen.items():
            if isinstance(node, Directory):
                yield from self._files(node, f"{prefix}{name}/")
            else:
                yield f"{prefix}{name}", bytes(node.seen)

    def cut(self, merciless=False):
        """The power goes: what is durable is all there is. Returns how the losses were dealt."""
        losses = Losses()
        self.root.lose(Merciless() if merciless else self.dice, losses)
        self._settle(self.root)
        self._nodes = {}
        return losses

    def _settle(self, node):
        if isinstance(node, Directory):
            node.seen = dict(node.durable)
            for child in node.seen.values():
                self._settle(child)
        else:
            node.seen = bytearray(node.durable)

    def write_to(self, path):
        """Makes the directory, which is empty, as programs see this disk."""
        for name, node in self.root.seen.items():
            self._write(node, pathlib.Path(path, name))

    def _write(self, node, path):
        if isinstance(node, Directory):
            path.mkdir(mode=0o700)
            for name, child in node.seen.items():
                self._write(child, path / name)
        else:
            path.write_bytes(node.seen)
