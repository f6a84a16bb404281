"""Reading and writing files of the box."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from patina_nb.errors import SandboxError, WorkspaceError
from patina_nb.sandbox.client import Sandbox

NAMES = [
    "plain",
    "with space",
    "-rf",
    "--help",
    "-",
    "!",
    "(",
    "a\nb",
    "ends in newlines\n\n",
    "\n",
    "tab\there",
    "quote'and\"double",
    "back\\slash",
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "* ?",
    "~",
    "\x1b[31m",
    "üñï",
    b"\xff\xfe not utf-8".decode("utf-8", "surrogateescape"),
    "new/deep/er/file",
    "dir\n/ -x /f\n",
    "n" * 200,
]


@pytest.fixture
def workspace(own_box):
    return Path(own_box.workspace)


@pytest.fixture
def sandbox(own_box):
    return Sandbox(own_box)


@pytest.mark.parametrize("absolute", [False, True], ids=["relative", "absolute"])
def test_hostile_names(sandbox, workspace, absolute):
    for name in NAMES:
        path = f"{workspace}/{name}" if absolute else name
        data = os.urandom(50) + b"\n\0"
        sandbox.write(path, data)
        assert sandbox.read(path) == data
        assert (workspace / name).read_bytes() == data
    assert not list(workspace.rglob("pwned"))
    assert not list(workspace.rglob(".patina-*"))


def test_modes_and_replacing(sandbox, workspace):
    sandbox.write("tool", b"#!/bin/sh\n", mode=0o755)
    assert stat.S_IMODE((workspace / "tool").stat().st_mode) == 0o755
    before = (workspace / "tool").stat().st_ino
    sandbox.write("tool", b"", mode=0o600)
    after = (workspace / "tool").stat()
    assert (stat.S_IMODE(after.st_mode), after.st_size) == (0o600, 0)
    assert after.st_ino != before  # replaced in one step, never half written


def test_large_files(sandbox):
    data = os.urandom(1 << 20) * 30
    sandbox.write("large", data)
    assert sandbox.read("large") == data
    with pytest.raises(SandboxError, match="more than"):
        sandbox.read("large", limit=1 << 20)


def test_links_are_followed_inside_the_box(sandbox, workspace):
    (workspace / "target\n").write_text("old")
    (workspace / "link").symlink_to("target\n")
    assert sandbox.read("link") == b"old"
    sandbox.write("link", b"new")
    assert (workspace / "link").is_symlink()
    assert (workspace / "target\n").read_text() == "new"
    (workspace / "fresh").symlink_to("not there yet")
    sandbox.write("fresh", b"made")
    assert (workspace / "not there yet").read_text() == "made"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("missing", "no such file"),
        ("missing/deep", "no such file"),
        ("folder", "not a regular file"),
        ("folder/", "not a regular file"),
        ("pipe", "not a regular file"),
        ("/dev/zero", "not a regular file"),
        ("dangling", "not a regular file"),
        ("loop", "not a regular file"),
        ("", "names no file"),
        ("a\0b", "names no file"),
    ],
)
def test_what_cannot_be_read(sandbox, workspace, path, why):
    (workspace / "folder").mkdir()
    os.mkfifo(workspace / "pipe")
    (workspace / "dangling").symlink_to("nowhere")
    (workspace / "loop").symlink_to("loop")
    with pytest.raises(WorkspaceError, match=why):
        sandbox.read(path)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("folder", "not a regular file"),
        ("to-folder", "not a regular file"),
        ("pipe", "not a regular file"),
        ("file/below", "ot a directory|exists"),
        ("folder/", "name a file"),
        ("/proc/nothing/x", "No such file"),
        ("n" * 300, "too long"),
        ("", "names no file"),
    ],
)
def test_what_cannot_be_written(sandbox, workspace, path, why):
    (workspace / "folder").mkdir()
    (workspace / "to-folder").symlink_to("folder")
    os.mkfifo(workspace / "pipe")
    (workspace / "file").touch()
    with pytest.raises(WorkspaceError, match=why):
        sandbox.write(path, b"data")
    assert not list(workspace.rglob(".patina-*"))


def test_permission_is_said(jail):
    box = jail()
    sandbox = Sandbox(box)
    sandbox.call(["sh", "-c", "echo secret >closed; chmod 000 closed; mkdir shut; chmod 500 shut"])
    with pytest.raises(WorkspaceError, match="ermission denied"):
        sandbox.read("closed")
    with pytest.raises(WorkspaceError, match="ermission denied"):
        sandbox.write("shut/file", b"x")
    sandbox.call(["chmod", "700", "shut"])
