"""Interactive commands."""

from __future__ import annotations

import time

import pytest

from patina_nb.sandbox.client import Sandbox


def until(pty, wanted, seconds=10.0):
    """Read until `wanted` has been printed."""
    seen = b""
    limit = time.monotonic() + seconds
    while wanted not in seen:
        assert time.monotonic() < limit, seen
        assert pty.result is None or seen, pty.result
        seen += pty.read(0.5)
    return seen


def ended(pty):
    seen = b""
    while pty.result is None:
        seen += pty.read(5)
    return seen + pty.read(0)


def test_a_shell_from_prompt_to_exit(sandbox):
    pty = sandbox.shell(33, 99, ["sh", "-i"])
    pty.write(b"tty; stty size; echo d''one\n")
    seen = until(pty, b"done")
    assert b"/dev/pts/" in seen
    assert b"33 99" in seen
    pty.resize(7, 11)
    pty.write(b"stty size; echo d''two\n")
    assert b"7 11" in until(pty, b"dtwo")
    pty.write(b"exit 5\n")
    ended(pty)
    assert (pty.result.exit_code, pty.result.lost) == (5, None)


def test_ctrl_c_ends_the_foreground_only(sandbox):
    pty = sandbox.shell(24, 80, ["sh", "-i"])
    pty.write(b"echo r''eady; sleep 60\n")
    until(pty, b"ready")
    time.sleep(0.1)
    pty.write(b"\x03")
    pty.write(b"echo o''n\n")
    until(pty, b"on")
    pty.write(b"\x04")
    ended(pty)
    assert pty.result.exit_code is not None


def test_the_terminal_controls_the_command(sandbox):
    pty = sandbox.shell(
        24, 80, ["sh", "-c", "echo here >/dev/tty; test -t 0 && test -t 1 && test -t 2 && exit 3"]
    )
    assert b"here" in ended(pty)
    assert pty.result.exit_code == 3


def test_hanging_up_ends_the_command(sandbox):
    pty = sandbox.shell(24, 80, ["sh", "-c", "echo ready; trap '' HUP; sleep 60"])
    until(pty, b"ready")
    pty.close()
    ended(pty)
    assert "closed" in pty.result.lost


def test_a_command_that_cannot_start(sandbox):
    pty = sandbox.shell(24, 80, ["no-such-shell"])
    ended(pty)
    assert "not found" in pty.result.error


def test_output_that_is_not_read_waits(sandbox):
    pty = sandbox.shell(24, 80, ["sh", "-c", "stty -onlcr; head -c 5000000 /dev/zero; exit 0"])
    time.sleep(0.5)
    assert pty.result is None  # it waits for a reader
    assert len(pty._unread) < 3 << 20
    assert len(ended(pty)) == 5_000_000
    assert pty.result.ok


def test_what_is_pasted_arrives(sandbox):
    pty = sandbox.shell(24, 80, ["sh", "-c", "stty raw -echo; echo ready; head -c 300000 | wc -c"])
    until(pty, b"ready")
    pty.write(bytes(300_000))
    until(pty, b"300000")
    ended(pty)
    assert pty.result.ok


@pytest.mark.parametrize("size", [(0, 80), (24, 70_000)])
def test_a_wrong_size_is_refused(sandbox, size):
    pty = sandbox.shell(*size, ["true"])
    ended(pty)
    assert "rows and cols" in pty.result.error


def test_a_box_may_have_several(sandbox, box):
    one, two = sandbox.shell(24, 80, ["sh", "-i"]), Sandbox(box).shell(24, 80, ["sh", "-i"])
    for pty, word in ((one, b"first"), (two, b"second")):
        pty.write(b"echo x" + word + b"; exit 0\n")
    assert b"xfirst" in ended(one)
    assert b"xsecond" in ended(two)
