"""Who a box runs as, and what that user reaches."""

from __future__ import annotations

import os

import pytest

from patina_nb.engines.identity import (
    FIRST_UID,
    UIDS,
    Identity,
    of_project,
    ourselves,
    passes,
    reaches,
    switch,
)

GUEST = Identity(FIRST_UID, FIRST_UID, switched=True)


def test_root_hands_over_and_others_do_not():
    found = of_project("abcdef012345")
    if os.geteuid() == 0:
        assert found.switched
        assert FIRST_UID <= found.uid < FIRST_UID + UIDS
        assert of_project("abcdef012346") != found
        assert f"--reuid={found.uid}" in switch(found)
    else:
        assert found == ourselves()
        assert switch(found) == []


@pytest.fixture
def place(open_dir):
    open_dir.chmod(0o755)
    (open_dir / "in").mkdir()
    (open_dir / "in").chmod(0o755)
    (open_dir / "in" / "file").touch()
    (open_dir / "in" / "file").chmod(0o644)
    return open_dir


def test_what_a_guest_reaches(place):
    file = place / "in" / "file"
    assert reaches(GUEST, file)
    assert reaches(GUEST, place / "in")
    (place / "link").symlink_to(file)
    assert reaches(GUEST, place / "link")
    assert not reaches(GUEST, place / "missing")
    file.chmod(0o640)
    assert not reaches(GUEST, file)
    file.chmod(0o644)
    (place / "in").chmod(0o711)
    assert reaches(GUEST, file)
    assert not reaches(GUEST, place / "in")
    assert passes(GUEST, place / "in" / "new" / "folder")
    (place / "in").chmod(0o700)
    assert not reaches(GUEST, file)
    assert not passes(GUEST, place / "in" / "new")


def test_what_we_reach(place):
    me = ourselves()
    assert reaches(me, place / "in" / "file")
    assert passes(me, place / "in" / "new")
    assert not reaches(me, place / "missing")
    if os.geteuid():
        (place / "in").chmod(0o600)
        assert not reaches(me, place / "in" / "file")
        (place / "in").chmod(0o700)
