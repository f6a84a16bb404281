"""The change list against a plain comparison of the merged tree before and after, in a real overlay."""

from __future__ import annotations

import json
import os
import stat
import time
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from patina_nb.engines.local.upper import Upper
from patina_nb.errors import SandboxError

pytestmark = pytest.mark.usefixtures("namespaced")

# Inside: carries out operations, ignores those that fail, prints every entry that is not a directory.
INSIDE = """
import hashlib, json, os, shutil, stat, sys
def p(name): return os.fsencode(name)
def put(name, text, flags):  # does not wait for somebody to read from a pipe
    fd = os.open(p(name), os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | flags)
    with open(fd, "wb") as file: file.write(p(text))
def write(name, text): put(name, text, os.O_TRUNC)
def append(name, text): put(name, text, os.O_APPEND)
def mkdir(name, _): os.mkdir(p(name))
def rmtree(name, _):
    if stat.S_ISDIR(os.lstat(p(name)).st_mode): shutil.rmtree(p(name))  # else it waits at a pipe
def rm(name, _): os.unlink(p(name))
def rename(name, other): os.rename(p(name), p(other))
def move(name, other):
    if not stat.S_ISFIFO(os.lstat(p(name)).st_mode): shutil.move(name, other)
def link(name, other): os.link(p(other), p(name))
def symlink(name, other): os.symlink(p(other), p(name))
def chmod(name, _): os.chmod(p(name), 0o755)
def old(name, _): os.utime(p(name), (1, 1))
def fifo(name, _): os.mkfifo(p(name))
for op, name, other in json.loads(sys.argv[1]):
    try: globals()[op](name, other)
    except (OSError, shutil.Error): pass
found = {}
for folder, dirs, files in os.walk(b"."):
    if folder == b".": dirs.remove(b".git")
    for name in files + [d for d in dirs if os.path.islink(os.path.join(folder, d))]:
        path = os.path.join(folder, name)
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode): what = os.fsdecode(os.readlink(path))
        elif stat.S_ISREG(mode): what = hashlib.sha256(open(path, "rb").read()).hexdigest()
        else: what = ""
        found[path[2:].hex()] = [mode, what]
print(json.dumps(found))
"""

NAMES = ("a", "b", "dir", "a.txt", "b.txt", "link", "run.sh", "né w\n", "\udcff")
PATHS = st.builds("/".join, st.lists(st.sampled_from(NAMES), min_size=1, max_size=3))
OPERATIONS = (
    "write",
    "append",
    "mkdir",
    "rmtree",
    "rm",
    "rename",
    "move",
    "link",
    "symlink",
    "chmod",
    "old",
    "fifo",
)
STEP = st.lists(st.tuples(st.sampled_from(OPERATIONS), PATHS, PATHS), min_size=1, max_size=6)
number = count()


def apply(model, changes, now):
    """What a reader of the list believes to be in the workspace."""
    for change in changes:
        if change.mode == 0:
            model = {
                path: what
                for path, what in model.items()
                if path != change.path and not path.startswith(change.path + b"/")
            }
        elif stat.S_ISDIR(change.mode):
            raise AssertionError(change)
        else:
            assert change.mode == now[change.path][0]
            if change.target is not None:
                assert os.fsdecode(change.target) == now[change.path][1]
            model[change.path] = now[change.path]
    return model


def nothing(_):
    return ()


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEP, min_size=2, max_size=4))
def test_the_list_tells_all(bench, steps):
    opened = bench.open(f"p{next(number)}")

    def look(step):
        found = json.loads(opened.py(INSIDE, json.dumps(step)))
        return {bytes.fromhex(path): tuple(what) for path, what in found.items()}

    model = look([])
    assert opened.box.changes(nothing).changes == ()
    for step in steps:
        now = look(step)
        time.sleep(0.03)  # what is older than the kernel's clock tick is remembered, and not listed again
        model = apply(model, opened.box.changes(nothing).changes, now)
        assert model == now
    assert opened.box.changes(nothing).changes == ()
    opened.box.delete()


def listed(opened):
    time.sleep(0.03)
    return {change.path: change.mode for change in opened.box.changes(nothing).changes}


def test_only_what_changed_since_the_last_call(bench):
    opened = bench.open()
    opened.sh("echo 1 > a.txt; mkdir new; echo 2 > new/x")
    assert set(listed(opened)) == {b"a.txt", b"new/x"}
    assert listed(opened) == {}
    opened.sh("echo 3 > new/y")
    assert set(listed(opened)) == {b"new/y"}
    opened.sh("rm new/x")
    assert listed(opened) == {b"new/x": 0}
    opened.sh("rm -r new dir")
    assert listed(opened) == {b"new": 0, b"dir": 0}


def test_a_replaced_directory_is_gone_before_its_content(bench):
    opened = bench.open()
    opened.sh("rm -r dir; mkdir dir; echo n > dir/n")
    order = [(change.path, bool(change.mode)) for change in opened.box.changes(nothing).changes]
    assert order == [(b"dir", False), (b"dir/n", True)]


def test_a_fresh_entry_is_listed_again(bench):
    opened = bench.open()
    opened.py("open('a.txt', 'w').write('x')")
    first = opened.box.changes(nothing).changes
    second = opened.box.changes(nothing).changes
    assert [change.path for change in first] == [b"a.txt"]
    assert second in ((), first)  # the second only if the walk came within the clock's tick


def test_prune_keeps_out_of_new_directories_only(bench):
    opened = bench.open()
    opened.sh("mkdir -p ignored/deep kept; touch ignored/deep/x kept/y dir/z")
    asked = []

    def prune(paths):
        asked.append(set(paths))
        return [path for path in paths if path == b"ignored"]

    listing = opened.box.changes(prune)
    assert listing.pruned == (b"ignored",)
    assert asked == [{b"ignored", b"kept"}]
    assert {change.path for change in listing.changes if change.mode} == {b"kept/y", b"dir/z"}
    opened.sh("touch kept/more")
    assert {change.path for change in opened.box.changes(prune).changes} >= {b"kept/more"}
    assert asked[1:] == [{b"ignored"}]  # entered before: not asked again
    assert b"ignored/deep/x" in {change.path for change in opened.box.changes(nothing).changes}


def test_special_files_are_listed_with_their_mode(bench):
    opened = bench.open()
    opened.py("import os, socket; os.mkfifo('pipe'); socket.socket(socket.AF_UNIX).bind('sock')")
    modes = listed(opened)
    assert stat.S_ISFIFO(modes[b"pipe"])
    assert stat.S_ISSOCK(modes[b"sock"])


def test_directories_that_cannot_be_read_or_named(bench):
    opened = bench.open()
    opened.py(
        "import os\nos.makedirs('closed/x'); os.chmod('closed', 0)\n"
        "for _ in range(60): os.mkdir('d' * 100); os.chdir('d' * 100)"
    )
    modes = listed(opened)
    assert any(stat.S_ISDIR(mode) and len(path) > 4000 for path, mode in modes.items())
    if os.geteuid():
        assert stat.S_ISDIR(modes[b"closed"])
    opened.sh("chmod 700 closed")


def test_a_link_that_is_swapped_in_leads_nowhere(tmp_path):
    """The walk lists `d`, then finds a link to elsewhere in its place."""
    (tmp_path / "up" / "d").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").touch()

    def swap(paths):
        (tmp_path / "up" / "d").rmdir()
        (tmp_path / "up" / "d").symlink_to(tmp_path / "secret")
        return ()

    upper = Upper(tmp_path / "up", tmp_path / "nothing")
    assert b"d/key" not in {change.path for change in upper.changes(swap).changes}
    assert {change.path for change in upper.changes(nothing).changes if change.mode} == {b"d"}


def test_a_failed_walk_is_not_remembered(bench):
    opened = bench.open()
    opened.sh("mkdir new; touch new/x a")
    time.sleep(0.03)

    def fail(_):
        raise SandboxError("the box went away")

    with pytest.raises(SandboxError):
        opened.box.changes(fail)
    assert {b"new/x", b"a"} <= set(listed(opened))


def test_a_workspace_closed_to_its_owner(bench):
    opened = bench.open()
    opened.sh("chmod 0 .")
    if os.geteuid():
        with pytest.raises(SandboxError, match="chmod"):
            opened.box.changes(nothing)
    else:
        assert opened.box.changes(nothing) is not None


def test_many_directories_do_not_use_up_descriptors(bench):
    opened = bench.open()
    opened.py("import os\nfor n in range(1500): os.makedirs(f'n/{n}/m'); open(f'n/{n}/m/f', 'w').close()")
    assert len([path for path in listed(opened) if path.endswith(b"/f")]) == 1500


def test_a_change_that_hides_behind_its_old_time_and_size(bench):
    opened = bench.open()
    opened.sh("echo one > a.txt; echo 111 > new")
    assert set(listed(opened)) == {b"a.txt", b"new"}
    opened.sh("for f in a.txt new; do touch -r $f /tmp/r; echo xxx > $f; touch -r /tmp/r $f; done")
    assert set(listed(opened)) == {b"a.txt", b"new"}


def test_a_changed_file_that_is_removed_and_comes_back(bench):
    opened = bench.open()
    for script, mode in (
        ("echo x > a.txt", True),
        ("rm a.txt", False),
        ("echo x > a.txt", True),
        ("rm a.txt", False),
    ):
        opened.sh(script)
        assert {path: bool(found) for path, found in listed(opened).items()} == {b"a.txt": mode}
    assert listed(opened) == {}


KINDS = {
    "file": "echo x > {0}",
    "directory": "mkdir {0}; echo y > {0}/y",
    "link": "ln -s a.txt {0}",
    "nothing": "true",
}


@pytest.mark.parametrize("place", ["new", "dir", "a.txt"])
@pytest.mark.parametrize("first", KINDS)
def test_every_change_of_kind(bench, place, first):
    for second in KINDS:
        opened = bench.open()
        believed = set()
        for kind in (first, second):
            opened.sh(f"rm -rf {place}; " + KINDS[kind].format(place))
            time.sleep(0.03)
            for change in opened.box.changes(nothing).changes:
                if change.mode:
                    believed.add(change.path)
                else:
                    below = change.path + b"/"
                    believed = {
                        path for path in believed if path != change.path and not path.startswith(below)
                    }
        found = opened.sh(f"test ! -e {place} -a ! -L {place} || find {place} ! -type d").split()
        assert believed == {os.fsencode(path) for path in found}, (first, second)
        opened.box.delete()
