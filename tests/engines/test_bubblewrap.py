"""The argument list: what must be in it, and in which order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from patina_nb.engines.local.bubblewrap import Bind, Link, Overlay, Plan, arguments

PLAN = Plan(
    binary=Path("/bin/bwrap"),
    version=(0, 11, 0),
    system=(Bind(Path("/usr"), "/usr"), Link("usr/bin", "/bin")),
    workspace=Overlay(Path("/lower"), Path("/up"), Path("/work")),
    git=Path("/git"),
    home=Path("/home"),
    extra=(Bind(Path("/a"), "/b"), Bind(Path("/v"), "/shared/v", writable=True)),
    over=(Bind(Path("/p"), "/etc/passwd"),),
    tmp_size=1 << 20,
    share_network=False,
    seccomp_fd=7,
    command=("python3", "-c", "--bind"),
)


def text(**changes):
    return " ".join(arguments(replace(PLAN, **changes)))


def test_nothing_of_the_host_comes_in_by_default():
    words = text()
    for needed in (
        "--unshare-user --unshare-all",
        "--clearenv",
        "--cap-drop ALL",
        "--die-with-parent",
        "--new-session",
    ):
        assert needed in words
    assert "--disable-userns" in words
    assert "--share-net" not in words
    assert words.endswith("--as-pid-1 -- python3 -c --bind")  # else pid 1 is bubblewrap with our environment


def test_a_later_mount_covers_an_earlier_one():
    words = text()
    order = [
        "--ro-bind /usr /usr",
        "--proc /proc",
        "--ro-bind /proc/sys /proc/sys",
        "--dev /dev",
        "--tmpfs /dev/shm",
    ]
    order += [
        "--tmpfs /tmp",
        "--tmpfs /run",
        "--bind /home /home/agent",
        "--ro-bind /a /b",
        "--bind /v /shared/v",
    ]
    order += ["--overlay-src /lower --overlay /up /work /workspace", "--bind /git /workspace/.git"]
    order += [
        "--ro-bind /p /etc/passwd",
        "--remount-ro /dev",
        "--remount-ro /run",
        "--remount-ro / ",
        "--seccomp 7",
    ]
    places = [words.index(part) for part in order]
    assert places == sorted(places)


def test_a_copied_tree_and_an_open_network():
    words = text(workspace=Path("/tree"), share_network=True, seccomp_fd=None)
    assert "--bind /tree /workspace --bind /git /workspace/.git" in words
    assert "--overlay" not in words
    assert "--unshare-all --share-net" in words
    assert "--seccomp" not in words


@pytest.mark.parametrize(
    ("version", "size", "userns"), [((0, 5), False, False), ((0, 7), True, False), ((0, 8), True, True)]
)
def test_older_versions_get_no_option_that_they_do_not_know(version, size, userns):
    words = text(version=version, workspace=Path("/tree"))
    assert ("--size" in words) == size
    assert ("--disable-userns" in words) == userns
