"""The display of a running command, seen by IPython's own publisher."""

import pytest

from patina_nb.notebook.live import KEPT, LiveOutput
from patina_nb.presentation.html import line


@pytest.fixture
def published(bare_shell):
    bare_shell.shown.clear()
    return bare_shell.shown


def test_nothing_is_shown_before_a_while_and_the_end_always(published):
    live = LiveOutput("ls", 10, mode="live")
    live.tick()
    assert published == []
    live.finish(line("Ended"))
    live.show()
    assert [bundle["text/plain"] for bundle in published] == ["Ended"]


def test_the_last_lines_are_shown_and_all_are_counted(published):
    live = LiveOutput("seq", 3, mode="live")
    for number in range(100_000):
        live.feed("stdout", b"%d\n" % number)
    assert len(live._kept) <= 2 * KEPT
    live.show()
    assert "Output so far (last 3 of 100000 lines):\n99997\n99998\n99999" in published[0]["text/plain"]
    assert '<progress aria-label="seq is running">' in published[0]["text/html"]


def test_stopping_is_said(published):
    live = LiveOutput("ls", 10, mode="live")
    live.stopping = lambda: True
    live.show()
    assert published[0]["text/plain"].startswith("Stopping: ls")


def test_a_display_never_stays_as_running(published):
    live = LiveOutput("ls", 10, mode="live")
    live.drop(line("Did not end", "why"), always=False)
    assert published == []  # nothing was there
    live = LiveOutput("ls", 10, mode="live")
    live.show()
    live.drop(line("Did not end", "why"), always=False)
    assert published[-1]["text/plain"] == "Did not end: why"


@pytest.mark.parametrize(("mode", "shown"), [("summary", ["Ended"]), ("nothing", [])])
def test_other_front_ends_and_quiet(published, mode, shown):
    live = LiveOutput("ls", 10, mode=mode)
    live.feed("stdout", b"x")
    live.show()
    live.finish(line("Ended"))
    assert [bundle["text/plain"] for bundle in published] == shown
