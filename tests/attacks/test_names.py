"""Attacks 17 to 23: names of sessions, revisions and files."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import patina_nb as patina
from patina_nb.errors import RepositoryError, SessionError
from patina_nb.events import SESSION_ID
from patina_nb.presentation import display, steps
from tests.conftest import new_repo

few = settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
OPTIONS = ["-D", "--help", "HEAD", "refs/heads/main", "a" * 300, "$(touch canary)", "a\0b"]  # 17
SHAPES = [
    "..",
    "../x",
    "a\nb",
    "a b",
    "x.lock",
    "@{",
    "@",
    "",
    "-",
    "a-",
    "-a",
    "é",
    "a:b",
    "a~1",
    "x\x1b[m",
]  # 18
NESTED = ["s1/sub", "s1/", "/s1"]  # 19
CASE = ["S1", "Main", "\u017f1", "\u212a1"]  # 20, two of them with letters that fold to ASCII
NAMES = [  # 21, 22
    *(
        b"\xff\xfe",
        b"new\nline",
        b"-rf",
        b"esc\x1b]0;title\x07",
        b'"quoted',
        b'in"side',
        b"back\\slash",
        b"tab\t",
        b"cr\r",
    ),
    *(
        b" leading",
        b"trailing ",
        b"'",
        b"$(touch canary)",
        b"*",
        b"?",
        b"[a]",
        b"#",
        b"!",
        b"~",
        b"a\x7f",
        b"\xc3\xa4",
    ),
    *(
        b":",
        b":x",
        b":!x",
        b":^x",
        b":(top)x",
        b":(glob)**",
        b"@{-1}",
        b"..a",
        b"...",
        b"a.lock",
        b"=",
        b"%s%n",
        b"&lt;",
    ),
    *("\u202egpj.exe".encode(), "\u2028".encode(), b"<script>alert(1)", b"<img src=x onerror=alert(1)>"),
]
HOSTILE = """
import json, os, sys
for path, content in json.load(sys.stdin):
    path = bytes.fromhex(path)
    if content is None:
        os.unlink(path)
        continue
    if b"/" in path:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(content)
"""
# What `git add -A` would commit, found out without leaving a trace for the snapshot.
EXPECTED = """
import os, subprocess, tempfile
with tempfile.TemporaryDirectory() as aside:
    env = {**os.environ, "GIT_INDEX_FILE": aside + "/index", "GIT_OBJECT_DIRECTORY": aside}
    env["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = os.path.abspath(".git/objects")
    subprocess.run(["cp", "-p", ".git/index", aside + "/index"], check=True)
    subprocess.run(["git", "add", "-A"], env=env, check=True)
    print(subprocess.run(["git", "write-tree"], env=env, check=True, capture_output=True, text=True).stdout.strip())
"""


def put(box, files):
    """Write files (bytes path -> content; None = delete) in one step, which must commit what `add -A` would."""
    given_ = json.dumps([(path.hex(), content) for path, content in files.items()]).encode()
    step = box.run(["python3", "-I", "-c", HOSTILE + EXPECTED], stdin=given_)
    assert step.ok, step.stderr.text
    assert step.unpublished is None
    assert step.commit
    assert box.project.repository.git("rev-parse", f"{step.commit}^{{tree}}").decode() == step.stdout.text
    return step


def test_17_to_20_session_ids(stage):
    patina.start(session="s1")
    before = stage.host()
    for name in (*OPTIONS, *SHAPES, *NESTED, *CASE):
        with pytest.raises(SessionError):
            patina.start(session=name)
        with pytest.raises(SessionError):
            stage.boxes.append(patina.workspace(name))
        with pytest.raises(SessionError):
            patina.delete(name, force=True)
        if name and "\0" not in name:
            stage.monkeypatch.setenv("PATINA_SESSION_ID", name)
            with pytest.raises(SessionError):
                stage.boxes.append(patina.workspace())
            stage.monkeypatch.delenv("PATINA_SESSION_ID")
    stage.unchanged(before)
    assert [session.id for session in patina.sessions()] == ["s1"]


@few
@given(name=st.text(max_size=70))
def test_18_any_text_as_session_id(stage, name):
    if re.fullmatch(SESSION_ID, name):
        return
    before = stage.host()
    with pytest.raises(SessionError):
        patina.start(session=name)
    stage.unchanged(before)


@few
@given(goal=st.text(max_size=200))
def test_18_any_text_as_goal(stage, goal):
    session = patina.start(goal)
    try:
        assert re.fullmatch(SESSION_ID, session.id)
        assert stage.repo.git("rev-parse", f"refs/heads/agent/{session.id}") == session.base
    finally:
        patina.delete(session.id, force=True)


def test_17_revisions_are_no_options(stage):
    box = stage.open()
    box.run("echo 1 >1")
    before = stage.host()
    for rev in (
        "--output=canary",
        "-D",
        "--help",
        "@{",
        "..",
        "HEAD:a.txt",
        "main..main",
        "a\nb",
        "^HEAD",
        "a\0b",
    ):
        with pytest.raises(RepositoryError):
            patina.start(base=rev)
        with pytest.raises(RepositoryError):
            box.diff(rev)
    with pytest.raises(RepositoryError):
        patina.start(base="")
    assert not box.diff(paths=["--output=canary", ":!x", "-D"]).files
    stage.unchanged(before)


def test_19_branch_called_agent(stage):
    """`refs/heads/agent` leaves no room for `refs/heads/agent/<id>`: said, nothing changed."""
    stage.repo.git("branch", "agent")
    before = stage.host()
    with pytest.raises(SessionError, match="agent"):
        patina.start("a goal")
    stage.unchanged(before)


def test_18_agent_names_are_no_settings(stage, separate):
    name = 'x"\n[core]\n\thooksPath = /evil\n[alias]\n\tst = "!touch canary" <a@b>\x1b]0;t\x07'
    session = patina.start(session="s0", agent=name)
    box = stage.open(separate, session=session.id)
    read = box.run("git config core.hooksPath; git config alias.st; git config user.name; echo 1 >1")
    assert "/evil" not in read.stdout.text.splitlines()
    assert read.stdout.text.splitlines()[0] == "/dev/null"
    assert stage.repo.git("log", "-1", "--format=%an", box.branch).count("\n") == 0
    assert len(box.log()) == 1


@pytest.mark.core
def test_21_22_hostile_file_names(stage, kind):
    box = stage.open(kind)
    before = stage.host()
    names = [*NAMES, *(b"dir/" + name for name in NAMES), *(name + b".d/inner" for name in NAMES)]
    step = put(box, dict.fromkeys(names, "1\n"))
    assert {change.path.encode("utf-8", "surrogateescape") for change in step.files} == set(names)
    assert all(change.status == "added" for change in step.files)
    step = put(box, {**dict.fromkeys(names[::2], "2\n"), **dict.fromkeys(names[1::2])})
    assert {c.path.encode("utf-8", "surrogateescape") for c in step.files if c.status == "modified"} == set(
        names[::2]
    )
    assert {c.path.encode("utf-8", "surrogateescape") for c in step.files if c.status == "deleted"} == set(
        names[1::2]
    )
    listed = stage.repo.git_bytes("ls-tree", "-rz", "--name-only", box.branch).split(b"\0")[:-1]
    assert set(listed) == {*names[::2], b"a.txt", b"dir/b.txt"}
    assert {entry.name.encode("utf-8", "surrogateescape") for entry in box.ls("dir")} >= {
        name[4:] for name in names[::2] if name.startswith(b"dir/")
    }
    stage.unchanged(before)


def test_22_names_like_patterns(stage, separate):
    """Each alone and deleted again: what git takes for a pattern must not spoil a step, nor hide a change."""
    box = stage.open(separate)
    put(box, {b"x": "1\n", b"ax": "1\n"})
    for name in (b":x", b":!x", b":(top)x", b"*x", b":!dir/x"):
        put(box, {name: "1\n"})
        put(box, {name: "2\n"})
        put(box, {name: None})


@few
@given(names=st.sets(st.binary(min_size=1, max_size=12), min_size=1, max_size=6))
def test_21_any_bytes_as_file_names(stage, separate, names):
    box = stage.boxes[0] if stage.boxes else stage.open(separate)
    names = sorted(map(fit, names))
    put(box, {b"any/" + name: "1\n" for name in names} | dict.fromkeys(names, "1\n"))
    put(box, {b"any/" + name: None for name in names} | dict.fromkeys(names))


def fit(name):
    """As a name that a file can have, and that is none of those of attack 11."""
    name = name.replace(b"\0", b"0").replace(b"/", b"_")
    return (
        b"n" + name
        if name in (b".", b"..") or name.lower().startswith((b".g", b"git~", b"any", b"dir"))
        else name
    )


def test_22_hostile_names_when_shown(stage, separate):
    box = stage.open(separate)
    step = put(box, dict.fromkeys([*NAMES, *(b"dir/" + name for name in NAMES)], "1\n"))
    ignored = box.run(
        ["python3", "-I", "-c", "import os; [os.mkfifo(name) for name in (b'f\\x1b[2J', b'f<b>', b'\\xff')]"]
    )
    assert len(ignored.left_out) == 3
    for piece in (
        steps.summary(step, 10),
        steps.summary(ignored, 10),
        display.diff(box.diff()),
        display.commits(box.log(), box.branch),
    ):
        shown_safely(piece)
    assert printable(box.diff().stat())
    box = stage.reopen(box)  # from the journal
    shown_safely(display.session(box.session))


def test_23_names_that_differ_in_case(stage, separate):
    box = stage.open(separate)
    before = stage.host()
    step = put(box, {b"README": "1\n", b"readme": "2\n", b"Dir/x": "3\n", b"dir/X": "4\n", b"A.txt": "5\n"})
    assert len(step.files) == 5
    told = " ".join([*step.notes, *(f"{left.path}: {left.reason}" for left in step.left_out)])
    assert "readme" in told.lower()  # on many machines only one of them can be checked out
    stage.unchanged(before)


def printable(text):
    """No character that moves the cursor, hides text or turns its direction."""
    return not [
        c
        for c in text
        if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in "\n\t\u200c\u200d"
    ]


def shown_safely(piece):
    assert printable(piece.plain)
    assert printable(piece.html)
    assert not re.search(r"<(script|img|style|iframe|b)\b", piece.html, re.IGNORECASE)


def test_18_nested_repository_of_the_user(stage, separate):
    """A repository whose path is hostile itself."""
    stage.use(separate)
    odd = new_repo(stage.open_dir / "a'b\"c $(touch canary) \x1b[m")
    odd.commit({"a": "1\n"})
    stage.monkeypatch.chdir(odd.path)
    with patina.workspace(patina.start(session="odd", path=odd.path), path=odd.path) as box:
        step = box.run("cat a; echo 2 >>a; git log --oneline")
        assert step.ok, step.stderr.text
        assert step.commit
        box.delete(force=True)
    assert not (stage.open_dir / "canary").exists()
