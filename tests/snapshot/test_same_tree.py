"""The tree of a step is the tree that ``git add -A`` would have made, whatever happened to the files."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import patina_nb as patina

OPERATIONS = (Path(__file__).parent / "operations.py").read_text()

NAMES = [
    *(b"a", b"b", b"dir", b"deep", b"A", b"build", b"x.log"),
    *(
        b"\xff\xfe",
        b"new\nline",
        b"-rf",
        b'"quoted',
        b" space ",
        b"tab\t",
        b"\x1b[31m",
        b"back\\slash",
        b"cr\r",
        b"'",
    ),
    *("ä".encode(), b"*", b"?", b"[a]", b":(top)", b"#c", b"!n", b"a.b", b".hidden", b".gitkeep"),
]
names = st.sampled_from(NAMES)
paths = st.lists(names, min_size=1, max_size=3).map(b"/".join)
contents = st.sampled_from([b"", b"x", b"text\n", b"\0\1\2", b"\r\n", b"y" * 5000])
targets = st.sampled_from([b"a", b"../../nonexistent", b"/nonexistent/x", b"new\nline", b"\xff", b"dir"])
rules = st.lists(
    st.sampled_from(
        [b"*.log", b"build/", b"!keep", b"/a", b"dir/*", b"!dir/a", b"deep", b"**/b", b"# no", b"\\#c"]
    ),
    max_size=4,
).map(b"\n".join)
attributes = st.sampled_from([b"* text eol=crlf", b"a binary", b"*.log -text", b"b ident", b"* text=auto"])
directories = st.one_of(st.just(b""), paths.map(lambda path: path + b"/"))
operations = st.one_of(
    st.tuples(st.sampled_from(["write", "write", "script", "replace"]), paths, contents),
    st.tuples(st.just("link"), paths, targets),
    st.tuples(st.sampled_from(["delete", "delete", "fifo", "mkdir"]), paths, st.just(b"")),
    st.tuples(st.just("rename"), paths, paths),
    st.tuples(st.just("write"), directories.map(lambda d: d + b".gitignore"), rules),
    st.tuples(st.just("write"), directories.map(lambda d: d + b".gitattributes"), attributes),
)
steps = st.lists(st.lists(operations, min_size=1, max_size=8), min_size=1, max_size=4)


def git(repository: Path, *args: str) -> str:
    return subprocess.run(
        ["git", *args], cwd=repository, check=True, capture_output=True, text=True, errors="surrogateescape"
    ).stdout.strip()


def expected_tree(clone: Path, encoded: str) -> str:
    subprocess.run([sys.executable, "-c", OPERATIONS], input=encoded.encode(), cwd=clone, check=True)
    subprocess.run(["git", "add", "-A", "--ignore-errors"], cwd=clone, capture_output=True, check=False)
    return git(clone, "write-tree")


@pytest.fixture(scope="module")
def origin(tmp_path_factory) -> Path:
    """A repository with files, links, modes and a directory to work on."""
    repository = tmp_path_factory.mktemp("origin")
    git(repository, "init", "-q", "-b", "main")
    for path in ("a", "b", "dir/a", "dir/b", "deep/dir/a", "build/kept", "x.log"):
        file = repository / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
    (repository / "dir" / "b").chmod(0o755)
    (repository / "link").symlink_to("dir/a")
    git(repository, "add", "-A")
    git(repository, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "base")
    return repository


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking real boxes takes minutes
)
@given(script=steps)
def test_random_trees(origin, tmp_path_factory, script):
    clone = tmp_path_factory.mktemp("clone")
    git(clone.parent, "clone", "-q", str(origin), str(clone))
    session = patina.start(session=f"t-{uuid.uuid4().hex[:12]}", path=origin)
    workspace = patina.workspace(session, path=origin)
    try:
        for group in script:
            encoded = json.dumps([(kind, path.hex(), argument.hex()) for kind, path, argument in group])
            step = workspace.run(["python3", "-I", "-c", OPERATIONS], stdin=encoded.encode())
            assert step.ok, step.stderr.text
            assert step.unpublished is None
            wanted = expected_tree(clone, encoded)
            assert git(origin, "rev-parse", f"{workspace.tip}^{{tree}}") == wanted, step
            assert git(origin, "rev-parse", workspace.branch) == workspace.tip
    finally:
        workspace.delete(force=True)
