"""Tab in the line of a magic, through IPython's own completer."""

import pytest
from IPython.core.completer import provisionalcompleter


def completions(shell, text):
    with provisionalcompleter():
        return [found.text for found in shell.ip.Completer.completions(text, len(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%patina_session st", ["start"]),
        ("x = %patina_session st", ["start"]),
        ("y = 1\n%patina_session --q", ["--quiet"]),
        ("%%patina_run --ti", ["--timeout"]),
        ("%%patina_run -e d", ["dagger"]),
        ("%patina_workspace --engine=lo", ["local"]),
        ("%patina_workspace --network ", ["full", "none"]),
        ("%patina_session start --ba", ["--base"]),
    ],
)
def test_words_that_are_known(shell, text, expected):
    assert completions(shell, text) == expected


def test_bodies_and_commands_are_left_to_others(shell):
    assert "--timeout" not in completions(shell, "%%patina_run -q\n--ti")
    assert "auto" not in completions(shell, "%patina_run ls -e au")
