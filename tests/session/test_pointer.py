from __future__ import annotations

import pytest

from patina_nb.errors import JournalError
from patina_nb.session import pointer


def test_what_is_remembered(repo):
    assert pointer.remembered(repo.project) == []
    pointer.remember(repo.project, "a")
    assert pointer.remembered(repo.project) == ["a", "a"]
    assert (repo.project.state_dir / "current").read_text() == "a\n"
    pointer._of_this_process.clear()
    assert pointer.remembered(repo.project) == ["a"]


def test_no_rest_is_left_beside_it(repo):
    for name in "abc":
        pointer.remember(repo.project, name)
    assert [path.name for path in repo.project.state_dir.glob("current*")] == ["current"]


def test_a_place_that_cannot_be_written_is_said(repo):
    (repo.project.state_dir / "current").mkdir()
    with pytest.raises(JournalError, match="current cannot be written"):
        pointer.remember(repo.project, "a")
