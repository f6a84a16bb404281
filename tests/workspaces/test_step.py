"""What a step says: its status, its commit message."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patina_nb.secrets import Vault
from patina_nb.workspaces.recorder import NOTHING_RUN
from patina_nb.workspaces.step import SUBJECT_LENGTH, commit_message, shown_command, status_of, subject


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "ok"),
        ({"exit_code": 1}, "failed"),
        ({"exit_code": None, "signal": 9}, "failed"),
        ({"exit_code": None, "signal": 9, "out_of_memory": True}, "out of memory"),
        ({"exit_code": None, "signal": 9, "timed_out": True, "out_of_memory": True}, "timed out"),
        ({"cancelled": True, "timed_out": True}, "cancelled"),
        ({"exit_code": None, "error": "no such program"}, "error"),
        ({"lost": "the box is gone"}, "unknown"),
        ({"lost": "gone", "exit_code": 0, "cancelled": True}, "unknown"),
    ],
)
def test_status(changes, status):
    assert status_of(replace(NOTHING_RUN, **changes)) == status


def test_the_message_of_a_commit():
    message = commit_message("\n  pytest -q\nrm x", "work", 3, "1", "cell\nid")
    assert (
        message == "pytest -q\n\nPatina-Session: work\nPatina-Step: 3\nPatina-Exit: 1\nPatina-Cell: cell id\n"
    )
    assert "Patina-Cell" not in commit_message("x", "work", 3, "timed out", None)


@given(st.text())
def test_a_subject_is_one_printable_line(command):
    line = subject(command)
    assert 1 <= len(line) <= SUBJECT_LENGTH
    assert line.isprintable()
    assert line == line.strip() or line


def test_a_command_as_text():
    assert shown_command("a 'b'", str) == "a 'b'"
    assert shown_command(["a", "b c", ""], str) == "a 'b c' ''"


def test_a_command_as_text_is_masked_before_it_is_quoted():
    vault = Vault()
    vault.remember({"TOKEN": b"it's mine"})
    assert shown_command("echo it's mine", vault.hide) == "echo ***"
    assert shown_command(["echo", "it's mine"], vault.hide) == "echo '***'"
