"""Leaving out what lies below directories that are not worth entering."""

from __future__ import annotations

import stat

from patina_nb.engines.base import Change
from patina_nb.sandbox.changes import decode, prune_list

FOLDER = stat.S_IFDIR | 0o755
FILE = stat.S_IFREG | 0o644


def test_records():
    records = b"0 0 old\0" + b"120777 3 link\0a b\0" + b"100755 12 sub/a file\n\0" + b"40755 4096 sub\0"
    assert decode(records) == [
        Change(b"old", 0),
        Change(b"link", 0o120777, 3, b"a b"),
        Change(b"sub/a file\n", 0o100755, 12),
        Change(b"sub", 0o40755, 4096),
    ]
    assert decode(b"") == []


def test_nothing_is_asked_about_what_is_already_left_out():
    changes = [
        Change(b"a.txt", FILE, 1),
        Change(b"modules", FOLDER),
        Change(b"modules/x", FOLDER),
        Change(b"modules/x/y/z.js", FILE, 1),
        Change(b"src/new/b.txt", FILE, 1),
    ]
    asked = []

    def prune(folders):
        asked.append(list(folders))
        return [b"modules", b"never asked about"]

    pruned = prune_list(changes, prune)
    assert [change.path for change in pruned.changes] == [b"a.txt", b"src/new/b.txt"]
    assert pruned.pruned == (b"modules",)
    assert asked == [[b"modules", b"src"], [b"src/new"]]


def test_a_replaced_directory_is_still_gone():
    changes = [Change(b"cache", 0), Change(b"cache", FOLDER), Change(b"cache/x", FILE, 1)]
    pruned = prune_list(changes, lambda folders: folders)
    assert pruned.changes == (Change(b"cache", 0),)
    assert pruned.pruned == (b"cache",)
