from __future__ import annotations

import json
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patina_nb import events
from patina_nb.errors import JournalError
from patina_nb.journal import LINE_LIMIT, Journal
from tests.conftest import ordinary_user, python_env


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "patina")


def note(text: str = "x", session_id: str = "s") -> events.SessionUpdated:
    return events.SessionUpdated(session_id=session_id, note=text)


def files(journal: Journal, session_id: str = "s") -> list[Path]:
    return sorted((journal.state_dir / "sessions" / session_id).glob("*.jsonl"))


def notes(journal: Journal) -> list[str]:
    return [event.note for event in journal.read("s").events if isinstance(event, events.SessionUpdated)]


def test_events_come_back_in_order(journal):
    for n in range(5):
        journal.append(note(str(n)))
    assert notes(journal) == ["0", "1", "2", "3", "4"]
    assert journal.read("s").dropped == 0


def test_a_session_nobody_knows_is_empty(journal):
    assert journal.read("nobody").events == ()
    assert journal.sessions() == []


def test_sessions_are_listed_by_id(journal):
    for name in ("b", "a"):
        journal.append(note(session_id=name))
    (journal.state_dir / "sessions" / "empty").mkdir()
    (journal.state_dir / "sessions" / "Not an id").mkdir()
    assert journal.sessions() == ["a", "b"]


@pytest.mark.parametrize("name", ["..", "a/b", "", "A", "x" * 65, "a\n"])
def test_an_id_never_is_a_path(journal, name):
    with pytest.raises(JournalError, match="not a session id"):
        journal.read(name)


def test_two_writers_have_two_files_and_are_read_as_one(journal):
    other = Journal(journal.state_dir)
    journal.append(note("1"))
    other.append(note("2"))
    journal.append(note("3"))
    assert len(files(journal)) == 2
    assert notes(journal) == ["1", "2", "3"]


def test_threads_share_a_writer(journal):
    threads = [
        threading.Thread(target=lambda: [journal.append(note("y" * 50)) for _ in range(50)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(files(journal)) == 1
    assert len(notes(journal)) == 200


def _append_many(state_dir: Path, text: str) -> None:
    journal = Journal(state_dir)
    for _ in range(100):
        journal.append(note(text))


def test_processes_write_side_by_side(journal):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_append_many, args=(journal.state_dir, str(n))) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(notes(journal)) == sorted("0123" * 100)
    assert journal.read("s").dropped == 0


def test_a_forked_child_writes_to_a_file_of_its_own(journal):
    journal.append(note("parent"))
    child = multiprocessing.get_context("fork").Process(target=journal.append, args=(note("child"),))
    child.start()
    child.join()
    assert len(files(journal)) == 2
    assert sorted(notes(journal)) == ["child", "parent"]


def test_a_torn_last_line_costs_only_itself(journal):
    journal.append(note("whole"))
    [path] = files(journal)
    with path.open("ab") as file:
        file.write(b'{"kind":"session-upd')
    assert notes(journal) == ["whole"]
    assert journal.read("s").dropped == 1
    journal.append(note("after"))
    assert notes(journal) == ["whole", "after"]
    assert journal.read("s").dropped == 1


def test_a_whole_last_line_without_its_end_is_kept(journal):
    journal.append(note("1"))
    [path] = files(journal)
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert notes(journal) == ["1"]
    journal.append(note("2"))
    assert notes(journal) == ["1", "2"]
    assert journal.read("s").dropped == 0


@pytest.mark.parametrize(
    "garbage",
    [
        b"\0" * 5000,
        b"x" * 3_000_000,
        b"\xff\xfe{}",
        b"not json",
        b"[" * 60_000,
        json.dumps({"kind": "x"}).encode(),
        json.dumps(events.to_record(note(session_id="another"))).encode(),
    ],
    ids=["nul", "huge", "no utf-8", "no json", "deep", "no event", "of another session"],
)
def test_garbage_between_lines_is_counted(journal, garbage):
    journal.append(note("before"))
    [path] = files(journal)
    with path.open("ab") as file:
        file.write(garbage + b"\n")
    journal.append(note("after"))
    assert notes(journal) == ["before", "after"]
    assert journal.read("s").dropped == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(st.lists(st.binary(max_size=200), max_size=10), st.binary(max_size=50))
def test_no_content_breaks_reading_or_loses_a_whole_line(tmp_path, lines, tail):
    directory = tmp_path / "patina" / "sessions" / "s"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    ours = [events.encode_record(events.to_record(note(str(n)))) for n in range(len(lines))]
    content = b"".join(mine + b"\n" + foreign + b"\n" for mine, foreign in zip(ours, lines, strict=True))
    (directory / "w.jsonl").write_bytes(content + tail)
    journal = Journal(tmp_path / "patina")
    assert notes(journal) == [str(n) for n in range(len(lines))]
    position = journal.follow("s").position
    assert journal.follow("s", position).events == ()


def test_unknown_kinds_are_counted_and_kept(journal):
    raw = {**events.to_record(note()), "kind": "forked"}
    journal.append(events.decode(events.encode_record(raw)))
    result = journal.read("s")
    assert result.unknown == 1
    assert result.events[0].kind == "forked"


def test_an_event_that_stands_twice_counts_once(journal):
    journal.append(note("1"))
    [path] = files(journal)
    shutil.copy(path, path.with_name("copy.jsonl"))
    assert notes(journal) == ["1"]


def test_what_is_no_file_is_not_read(journal):
    journal.append(note("1"))
    os.mkfifo(files(journal)[0].with_name("fifo.jsonl"))
    (journal.state_dir / "sessions" / "s" / "dir.jsonl").mkdir()
    assert notes(journal) == ["1"]


# -- long values -----------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30), st.integers(1, 5000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_no_line_is_long_and_no_text_is_lost(tmp_path, text, times):
    journal = Journal(tmp_path / "patina")
    event = events.StepStarted(session_id="long", number=1, run="command", command=text * times)
    journal.append(event)
    lines = [line for path in files(journal, "long") for line in path.read_bytes().splitlines()]
    assert max(len(line) for line in lines) < LINE_LIMIT
    found = next(e for e in journal.read("long").events if e.event_id == event.event_id)
    assert journal.text(found, "command") == text * times
    assert event.command.startswith(found.command)


def test_long_lists_are_cut_and_kept_whole_beside(journal):
    left = tuple(events.LeftOut(path=f"{'d' * 100}/{n}", reason="ignored") for n in range(1000))
    journal.append(
        events.StepFinished(
            session_id="s",
            number=1,
            status="ok",
            exit_code=0,
            signal=None,
            duration_s=1.0,
            commit="c" * 40,
            parent="p" * 40,
            files=3,
            stdout_bytes=0,
            stderr_bytes=0,
            left_out=left,
            notes=("n" * 3000, "short"),
        )
    )
    [event] = journal.read("s").events
    assert isinstance(event, events.StepFinished)
    assert event.n_left_out == 1000
    assert event.left_out == left[: len(event.left_out)]
    assert event.commit == "c" * 40
    assert len(json.loads(journal.load(event.side["left_out"]))) == 1000


def test_side_files_are_stored_once_by_content(journal, tmp_path):
    (tmp_path / "f").write_bytes(b"abc" * 1000)
    sha = journal.store(tmp_path / "f")
    assert journal.store(b"abc" * 1000) == sha
    assert journal.load(sha) == b"abc" * 1000
    stored = [path for path in (journal.state_dir / "outputs").rglob("*") if path.is_file()]
    assert [path.name for path in stored] == [sha]
    assert stored[0].parent.name == sha[:2]


def test_a_damaged_or_missing_side_file_is_said(journal):
    sha = journal.store(b"abc")
    path = journal.state_dir / "outputs" / sha[:2] / sha
    path.write_bytes(b"abd")
    with pytest.raises(JournalError, match="damaged"):
        journal.load(sha)
    path.unlink()
    with pytest.raises(JournalError, match="cannot be read"):
        journal.load(sha)
    with pytest.raises(JournalError, match="not the sha256"):
        journal.load("../../config")


# -- following -------------------------------------------------------------------------------------


def test_following_gives_what_is_new(journal):
    journal.append(note("1"))
    first = journal.follow("s")
    assert [e.note for e in first.events] == ["1"]
    assert journal.follow("s", first.position).events == ()
    Journal(journal.state_dir).append(note("2"))
    journal.append(note("3"))
    second = journal.follow("s", first.position)
    assert [e.note for e in second.events] == ["2", "3"]
    assert journal.follow("s", second.position).events == ()


def test_following_waits_for_the_end_of_a_line(journal):
    journal.append(note("1"))
    [path] = files(journal)
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    first = journal.follow("s")
    assert (first.events, first.dropped) == ((), 0)
    path.write_bytes(whole)
    assert len(journal.follow("s", first.position).events) == 1


def test_following_a_file_that_became_shorter_starts_again(journal):
    journal.append(note("1"))
    journal.append(note("2"))
    position = journal.follow("s").position
    [path] = files(journal)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    assert [e.note for e in journal.follow("s", position).events] == ["1"]


# -- when the disk says no -------------------------------------------------------------------------


def test_a_failed_append_leaves_the_file_as_it_was(journal):
    journal.append(note("1"))
    [path] = files(journal)
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, hard))
    try:
        with pytest.raises(JournalError, match="cannot be written"):
            journal.append(note("2" * 500))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    journal.append(note("3"))
    assert notes(journal) == ["1", "3"]


def mounted(option: str, program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in the directory $1, a small file system of its own with that mount option."""
    script = textwrap.dedent(f"""
        mkdir -p $1 && mount -t tmpfs -o size=64k,{option} none $1 && exec "$2" -c "$3" $1
    """)
    where = Path("/tmp") / f"patina-mount-{os.getpid()}"
    prefix = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    try:
        return subprocess.run(
            [*prefix, "sh", "-c", script, "sh", str(where), sys.executable, program],
            capture_output=True,
            text=True,
            check=False,
            env=python_env(),
        )
    finally:
        where.rmdir() if where.exists() else None


FILL = """
import sys
from pathlib import Path
from patina_nb import events
from patina_nb.errors import JournalError
from patina_nb.journal import Journal
journal = Journal(Path(sys.argv[1]) / "patina")
written = 0
try:
    while written < 10_000:
        journal.append(events.SessionUpdated(session_id="s", note="x" * 500))
        written += 1
except JournalError as error:
    print(error)
result = journal.read("s")
print("counted", written == len(result.events), result.dropped)
"""


def test_a_full_disk_is_said_and_loses_nothing():
    done = mounted("rw", FILL)
    if "mount" in done.stderr or "unshare" in done.stderr:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    assert "No space left on device. Free some space" in done.stdout, done.stderr
    assert "counted True 0" in done.stdout


def test_a_read_only_disk_is_said():
    done = mounted("ro", FILL)
    if "mount" in done.stderr or "unshare" in done.stderr:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    assert "Read-only file system. Make the file system writable" in done.stdout, done.stderr


def test_missing_rights_are_said(open_dir):
    state = open_dir / "patina"
    state.mkdir(mode=0o755)
    state.chmod(0o555)
    with ordinary_user(), pytest.raises(JournalError, match="Give yourself the right"):
        Journal(state).append(note())


def test_what_others_must_not_read_is_closed(journal):
    journal.append(note())
    journal.store(b"secret")
    for path in journal.state_dir.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
