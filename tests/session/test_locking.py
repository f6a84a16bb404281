from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from patina_nb.errors import SessionBusyError, SessionError
from patina_nb.session import lock
from tests.conftest import python_env

HOLD = """
import sys, time
from patina_nb.project import open_project
from patina_nb.session import lock
held = lock(open_project(sys.argv[1]), "s", "a workspace on the local engine")
print("held", flush=True)
{then}
"""


@contextmanager
def holder(repo, then: str = "sys.stdin.read()"):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(then=then), str(repo.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=python_env(),
    )
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def is_free(repo) -> bool:
    try:
        lock(repo.project, "s").release()
    except SessionBusyError:
        return False
    return True


def wait_until_free(repo) -> bool:
    until = time.monotonic() + 30
    while not is_free(repo) and time.monotonic() < until:
        time.sleep(0.02)
    return is_free(repo)


def test_the_second_process_hears_who_has_it(repo):
    with holder(repo) as process, pytest.raises(SessionBusyError) as caught:
        lock(repo.project, "s")
    said = str(caught.value)
    assert f"in use by process {process.pid} on {os.uname().nodename}" in said
    assert "(a workspace on the local engine, since 2" in said


def test_other_sessions_are_free(repo):
    with holder(repo), lock(repo.project, "other"):
        assert not is_free(repo)


def test_it_ends_with_the_process_however_that_ends(repo):
    with holder(repo) as process:
        assert not is_free(repo)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert is_free(repo)


def test_it_is_given_back(repo):
    with holder(repo, "held.release(); print('released', flush=True); sys.stdin.read()") as process:
        assert process.stdout.readline() == "released\n"
        assert is_free(repo)


@pytest.mark.parametrize(
    "child",
    [
        "import subprocess; subprocess.Popen(['sleep', '60'], close_fds=False)",
        "import os; os.fork() or time.sleep(60)",
        "import multiprocessing as m; m.get_context('fork').Process(target=time.sleep, args=(60,)).start()",
    ],
    ids=["program", "fork", "multiprocessing"],
)
def test_children_do_not_inherit_it(repo, child):
    with holder(repo, f"{child}\nprint('child', flush=True)\nsys.stdin.read()") as process:
        assert process.stdout.readline() == "child\n"
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert children
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        try:
            assert wait_until_free(repo)
        finally:
            for pid in children:
                os.kill(int(pid), signal.SIGKILL)


def test_within_a_process_it_can_be_taken_again(repo):
    outer = lock(repo.project, "s")
    with lock(repo.project, "s") as inner:
        assert inner is outer
    assert Path(outer.path).with_suffix(".holder").exists()
    outer.release()
    outer.release()
    assert not Path(outer.path).with_suffix(".holder").exists()
    with holder(repo):
        assert not is_free(repo)


def test_threads_of_one_process_share_it(repo):
    with lock(repo.project, "s"):
        found = []
        thread = threading.Thread(target=lambda: found.append(is_free(repo)))
        thread.start()
        thread.join()
    assert found == [True]
    assert is_free(repo)


def test_an_unreadable_note_of_the_holder_does_not_matter(repo):
    with holder(repo):
        (repo.project.state_dir / "locks" / "s.holder").write_text("{")
        with pytest.raises(SessionBusyError, match="in use by another process"):
            lock(repo.project, "s")


def test_an_id_is_an_id(repo):
    with pytest.raises(SessionError, match="is not a session id"):
        lock(repo.project, "../x")
