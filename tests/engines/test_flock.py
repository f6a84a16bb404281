"""Locks on files: `patina_nb.engines.flock`."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from patina_nb.engines.flock import exclusive, if_free, shared
from tests.conftest import python_env

HOLD = (
    "import sys, time\nfrom pathlib import Path\nfrom patina_nb.engines.flock import exclusive\n"
    "with exclusive(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(1000)"
)


def test_alone_or_together(tmp_path):
    path = tmp_path / "lock"
    with exclusive(path), if_free(path) as alone:
        assert not alone
    with shared(path), shared(path), if_free(path) as alone:
        assert not alone
    with if_free(path) as alone:
        assert alone
        with if_free(path) as again:
            assert not again


def test_it_ends_with_a_process_that_is_killed(tmp_path):
    path = tmp_path / "lock"
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True, env=python_env()
    )
    try:
        assert child.stdout.readline() == "held\n"
        with if_free(path) as alone:
            assert not alone
    finally:
        child.kill()
        child.communicate()
    with exclusive(path), if_free(path) as alone:
        assert not alone


def test_whoever_waits_gets_the_file_of_that_name(tmp_path):
    """The holder removes the file: the next one must not hold a lock that nobody else can see."""
    path, got = tmp_path / "lock", threading.Event()
    release = threading.Event()

    def wait() -> None:
        with exclusive(path):
            got.set()
            release.wait(60)

    with exclusive(path):
        thread = threading.Thread(target=wait)
        thread.start()
        path.unlink()
    assert got.wait(60)
    with if_free(path) as alone:
        assert not alone
    release.set()
    thread.join()


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError), exclusive(tmp_path / "lock"):
        pass
    assert not (tmp_path / "elsewhere").exists()
