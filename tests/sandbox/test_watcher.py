"""The server's list of changes against what really is there."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import random
import shutil
import signal
import stat
import struct
import termios
import threading
from pathlib import Path

import pytest

from patina_nb.sandbox.client import Sandbox
from tests.sandbox import boxes
from tests.sandbox.wire import Wire, eventually, run


def nothing(folders):
    return []


def state(root):
    """path -> (mode, size of files, target of links), without the top .git."""
    found = {}
    for path in root.rglob("*"):
        name = os.fsencode(path.relative_to(root))
        if name != b".git" and not name.startswith(b".git/"):
            status = path.lstat()
            target = os.fsencode(path.readlink()) if path.is_symlink() else None
            size = None if stat.S_ISDIR(status.st_mode) else status.st_size
            found[name] = (status.st_mode, size, target)
    return found


def remove(known, path):
    before = known.pop(path, None)
    if before is not None and stat.S_ISDIR(before[0]):
        for other in [other for other in known if other.startswith(path + b"/")]:
            del known[other]


def apply(known, changes):
    """What somebody knows who follows the lists."""
    for change in changes:
        if change.mode == 0:
            remove(known, change.path)
            continue
        folder = stat.S_ISDIR(change.mode)
        if not folder:
            remove(known, change.path)
        known[change.path] = (change.mode, None if folder else change.size, change.target)


class Followed:
    """A workspace, its list, and what is known from the list alone."""

    def __init__(self, box):
        self.box = box
        self.root = Path(box.workspace)
        self.sandbox = Sandbox(box)
        self.begin()

    def begin(self):
        while self.sandbox.changes(nothing) is None:
            continue
        self.known = state(self.root)

    def check(self):
        changes = self.sandbox.changes(nothing)
        assert changes is not None, "the list is incomplete"
        apply(self.known, changes.changes)
        assert self.known == state(self.root)
        return {change.path: change for change in changes.changes}


@pytest.fixture
def followed(tmp_path):
    box = boxes.ServerBox(tmp_path, watch=True)
    yield Followed(box)
    box.close()


def test_the_first_answer_is_incomplete_and_the_next_is_not(followed):
    fresh = Sandbox(followed.box)
    assert fresh.changes(nothing).changes == ()
    followed.root.joinpath("a").touch()
    assert [change.path for change in fresh.changes(nothing).changes] == [b"a"]
    assert fresh.changes(nothing).changes == ()


def test_kinds_of_changes(followed):
    root = followed.root
    (root / "file").write_text("one")
    (root / "folder/deep/er").mkdir(parents=True)
    (root / "folder/deep/er/x").write_text("two")
    (root / "link").symlink_to("folder/deep")
    os.mkfifo(root / "pipe")
    found = followed.check()
    assert found[b"link"].target == b"folder/deep"
    assert found[b"file"].size == 3
    assert stat.S_ISFIFO(found[b"pipe"].mode)
    (root / "file").chmod(0o755)
    assert set(followed.check()) == {b"file"}
    (root / "folder/deep/er/x").write_text("three")
    (root / "link").unlink()
    assert set(followed.check()) == {b"folder/deep/er/x", b"link"}
    shutil.rmtree(root / "folder")
    assert {path: change.mode for path, change in followed.check().items()} == {b"folder": 0}


def test_the_top_git_directory_only_is_left_out(followed):
    (followed.root / ".git/refs").mkdir(parents=True)
    (followed.root / ".git/HEAD").write_text("x")
    (followed.root / "sub/.git").mkdir(parents=True)
    (followed.root / "sub/.git/HEAD").write_text("x")
    assert set(followed.check()) == {b"sub", b"sub/.git", b"sub/.git/HEAD"}


def test_moved_directories(followed):
    root = followed.root
    for n in range(20):
        (root / f"a/b{n}").mkdir(parents=True)
        (root / f"a/b{n}/f").write_text(str(n))
    followed.check()
    (root / "a").rename(root / "z")
    (root / "z/b1/f").write_text("changed after the move")
    followed.check()
    (root / "z/b2/new").write_text("below a moved directory")
    assert set(followed.check()) == {b"z/b2/new"}
    (root / "z/b3").rename(root.parent / f"{root.name}-outside")
    followed.check()
    (root.parent / f"{root.name}-outside").rename(root / "back")
    (root / "back/f2").touch()
    followed.check()
    shutil.rmtree(root / "z/b4")
    (root / "z/b4").mkdir()
    (root / "z/b4/other").touch()
    followed.check()


def test_directories_that_change_places(followed):
    root = followed.root
    for name in "ab":
        (root / name / name).mkdir(parents=True)
        (root / name / "f").write_text(name)
    followed.check()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(-100, os.fsencode(root / "a"), -100, os.fsencode(root / "b"), 2) != 0:
        pytest.skip(f"no RENAME_EXCHANGE here: {os.strerror(ctypes.get_errno())}")
    followed.check()
    (root / "a/g").touch()
    (root / "b/g").touch()
    assert set(followed.check()) == {b"a/g", b"b/g"}


def test_hostile_names(followed):
    root = os.fsencode(followed.root)
    for name in (b"a\nb", b"-rf", b"\xff\xfe", b" ", b"100644 1 x", b"\x1b[0m", b"'\"\\"):
        Path(os.fsdecode(root + b"/" + name)).mkdir()
        Path(os.fsdecode(root + b"/" + name + b"/" + name)).write_text("x")
    followed.check()


def test_what_commands_write_is_listed_when_they_are_done(followed):
    for n in range(30):
        run(
            followed.box,
            f"mkdir -p d{n}/e; echo {n} >d{n}/e/f; mv d{n} e{n}; sed -i s/^/x/ e{n}/e/f; git init -q g{n}",
        )
        followed.check()


def test_ten_thousand_files(followed):
    script = "i=0; while [ $i -lt 100 ]; do mkdir d$i; (cd d$i; seq 100 | xargs touch); i=$((i+1)); done"
    assert run(followed.box, script)[1]["exit"] == 0
    assert len(followed.check()) == 100 * 101
    assert run(followed.box, "rm -rf d*")[1]["exit"] == 0
    assert len(followed.check()) == 100


def test_questions_while_somebody_writes(followed):
    stop = threading.Event()

    def write():
        n = 0
        while not stop.is_set():
            n += 1
            folder = followed.root / f"t{n % 7}/u{n % 3}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"f{n % 50}").write_text(str(n))
            if n % 11 == 0:
                shutil.rmtree(followed.root / f"t{n % 7}")

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(100):
        changes = followed.sandbox.changes(nothing)
        assert changes is not None
        apply(followed.known, changes.changes)
    stop.set()
    writer.join()
    followed.check()


class Player:
    """Does this and that in a directory; some of it fails."""

    def __init__(self, root, seed):
        self.root = root
        self.dice = random.Random(seed)

    def play(self):
        moves = (
            self.file,
            self.file,
            self.folder,
            self.deep,
            self.move,
            self.move,
            self.rmtree,
            self.link,
            self.unlink,
        )
        with contextlib.suppress(OSError, IndexError):
            self.dice.choice(moves)()

    def folders(self):
        below = (path for path in self.root.rglob("*") if path.is_dir() and not path.is_symlink())
        return [self.root, *sorted(below)]

    def some(self):
        return self.dice.choice(self.folders()) / self.dice.choice("abcdef")

    def file(self):
        path = self.some()
        if not path.is_dir() and not path.is_symlink():
            path.write_text("x" * self.dice.randrange(100))

    def folder(self):
        self.some().mkdir()

    def deep(self):
        (self.some() / self.dice.choice("abc") / self.dice.choice("abc")).mkdir(parents=True)

    def move(self):
        self.dice.choice(self.folders()[1:]).rename(self.some())

    def rmtree(self):
        shutil.rmtree(self.dice.choice(self.folders()[1:]))

    def link(self):
        self.some().symlink_to("somewhere")

    def unlink(self):
        self.some().unlink()


@pytest.mark.parametrize("seed", range(6))
def test_random_operations(followed, seed):
    player = Player(followed.root, seed)
    for _ in range(60):
        for _ in range(player.dice.randrange(12)):
            player.play()
        followed.check()


# when the list cannot be complete


def test_hard_links_make_it_incomplete(followed):
    (followed.root / "a").write_text("1")
    followed.check()
    os.link(followed.root / "a", followed.root / "b")
    assert followed.sandbox.changes(nothing) is None
    followed.known = state(followed.root)
    followed.check()
    (followed.root / "b").write_text("2")
    assert followed.sandbox.changes(nothing) is None


def test_an_overflow_of_the_queue_is_said_and_survived(followed):
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 50_000:
        pytest.skip(f"a queue of {limit} events takes too long to fill")
    for n in range(6000):
        (followed.root / f"{n}{'x' * 100}").touch()
    slow = Wire(followed.box, {"changes": 1})  # does not read: the watcher waits with its answer
    eventually(lambda: queued(slow.socket) > 60_000)
    (followed.root / "missed").mkdir()
    for n in range(limit // 2):
        path = followed.root / f"f{n}"
        path.touch()
        path.unlink()
    assert slow.answer() == {"overflow": False}
    assert followed.sandbox.changes(nothing) is None
    followed.known = state(followed.root)
    (followed.root / "missed/later").touch()
    assert set(followed.check()) == {b"missed/later"}


def queued(sock):
    return struct.unpack("i", fcntl.ioctl(sock, termios.FIONREAD, bytes(4)))[0]


def watcher_of(followed):
    """The child of the main process that has an inotify descriptor."""
    for pid in followed.box.processes()[1:]:
        with contextlib.suppress(OSError):
            for fd in Path(f"/proc/{pid}/fd").iterdir():
                if "inotify" in str(fd.readlink()):
                    return pid
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="looks into a process that forbids it to all but root")
def test_a_killed_watcher_is_replaced_and_says_so(followed):
    os.kill(watcher_of(followed), signal.SIGKILL)
    eventually(lambda: watcher_of(followed))
    (followed.root / "unseen").touch()
    followed.begin()
    (followed.root / "seen").touch()
    assert set(followed.check()) == {b"seen"}


def test_a_directory_that_cannot_be_watched(jail):
    box = jail(watch=True)
    followed = Followed(box)
    run(box, "mkdir -m 000 shut")
    assert followed.sandbox.changes(nothing) is None
    assert followed.sandbox.changes(nothing) is None  # as long as it is shut
    run(box, "chmod 755 shut; mkdir shut/deep; echo x >shut/deep/f")
    followed.begin()
    run(box, "echo y >>shut/deep/f")
    assert set(followed.check()) == {b"shut/deep/f"}
    run(box, "mkdir again; chmod 000 again; rmdir again")
    followed.check()


def test_a_box_that_does_not_watch(tmp_path):
    box = boxes.ServerBox(tmp_path)
    try:
        assert Sandbox(box).changes(nothing) is None
        answer = Wire(box, {"changes": 1}).answer()
        assert (answer["overflow"], "error" in answer) == (True, True)
    finally:
        box.close()


def test_the_engine_s_own_list_comes_first(tmp_path):
    class Knowing(boxes.ServerBox):
        def changes(self, prune):
            return prune

    box = Knowing(tmp_path)
    try:
        assert Sandbox(box).changes(nothing) is nothing
    finally:
        box.close()
