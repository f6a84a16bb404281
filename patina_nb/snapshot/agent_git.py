"""Git plumbing sent to the agent's own repository, inside the box."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from patina_nb.errors import SandboxError
from patina_nb.sandbox.client import Sandbox
from patina_nb.snapshot import git_files
from patina_nb.snapshot.model import RawRow, State, TreeEntry, chunks, commit_id, raw_rows, text
from patina_nb.snapshot.stalled import Mark, StalledError

# Named outright, so that a damaged `.git` never makes git look for a repository further up. The settings
# are those that an agent could use, knowingly or not, to keep a snapshot from seeing what is there.
_GIT = (
    *("git", "--git-dir=.git", "--work-tree=."),
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.safecrlf=false"),
    *("-c", "core.fsync=none"),
    *("-c", "core.fileMode=true", "-c", "core.symlinks=true", "-c", "core.ignoreCase=false"),
)
_LS_TREE = ("--literal-pathspecs", "ls-tree", "-z", "--full-tree")  # names such as ":(top)" are just names
_SHELL_GIT = f'git() {{ command {shlex.join(_GIT)} "$@"; }}\n'

# Files whose change means that the agent's index, or what it ignores, may differ from what we know.
_WATCHED = (
    ".git/index",
    ".git/info/exclude",
    ".git/config",
    *(f'"$HOME"/{name}' for name in git_files.OF_THE_USER),
)
STAT = "stat -c '%n %s %y %z %i' " + " ".join(_WATCHED) + " 2>/dev/null; true"

# No process but `stat` in the usual case: a shell reads the two files of HEAD itself. A lock file is what a
# killed git left behind if no git runs now; where the processes cannot be seen, $1 says whether one may.
_STATE = (
    git_files.ODD
    + """
[ -f .git/HEAD ] && [ -d .git/objects ] && [ -d .git/refs ] || { echo damaged; exit; }
IFS= read -r ref <.git/HEAD
case $ref in "ref: "*) ref=${ref#ref: } ;; *) ref= ;; esac
head=
[ -n "$ref" ] && odd ".git/$ref" link && exit
[ -n "$ref" ] && [ -f ".git/$ref" ] && IFS= read -r head <".git/$ref"
case $head in *[!0-9a-f]* | "") head=$(git rev-parse -q --verify HEAD) ;; esac
busy=
for name in MERGE_HEAD CHERRY_PICK_HEAD REVERT_HEAD rebase-merge rebase-apply; do
    [ -e ".git/$name" ] && busy=$name
done
locked=
for name in index HEAD config packed-refs ${ref:+"$ref"}; do [ -e ".git/$name.lock" ] && locked=1; done
if [ -n "$locked" ]; then
    stale=$1
    [ -r /proc/$$/comm ] && { stale=; grep -qsx "git.*" /proc/[0-9]*/comm || stale=1; }
    [ -n "$stale" ] && rm -f .git/index.lock .git/HEAD.lock .git/config.lock .git/packed-refs.lock \
        ${ref:+".git/$ref.lock"}
fi
printf '%s\\n' "at $head" "$ref" "$busy"
"""
    + STAT
)
_USABLE = "git rev-parse --git-dir && { ! git rev-parse -q --verify HEAD || git cat-file -e 'HEAD^{tree}'; }"
_SLOW_S = 600  # for what moves; what stands still is given up before
_MAX_PACK_BYTES = 1 << 40  # the receiving side has its own limit
_MAX_ANSWER = 64 << 20
_SHORT, _SHORT_S = 4096, 5  # bytes, seconds
_HELD_UP = "it waits at a FIFO where it reads a file, or a process in the workspace has stopped it"


@dataclass(frozen=True)
class AgentGit:
    """Every method is one or two processes in the box and raises SandboxError when git fails there."""

    sandbox: Sandbox

    def run(
        self,
        *args: str,
        stdin: bytes | None = None,
        ok: Collection[int] = (0,),
        env: Mapping[str, str] | None = None,
    ) -> bytes:
        """Standard output of `git args`, run at the top of the workspace."""
        return self.call([*_GIT, *args], stdin=stdin, ok=ok, env=env)

    def script(
        self, script: str, *args: str, stdin: bytes | None = None, ok: Collection[int] = (0,)
    ) -> bytes:
        """Standard output of a shell script in which `git` is ours."""
        return self.call(["sh", "-c", _SHELL_GIT + script, "sh", *args], stdin=stdin, ok=ok)

    def call(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | None = None,
        ok: Collection[int] = (0,),
        env: Mapping[str, str] | None = None,
        limit: int = _MAX_ANSWER,
        sink: BinaryIO | None = None,
    ) -> bytes:
        """Standard output of a command that may take long, as long as it moves."""
        mark = Mark(self.sandbox)
        try:
            return self.sandbox.call(
                argv,
                stdin=stdin,
                limit=limit,
                timeout=_SLOW_S,
                sink=sink,
                ok=tuple(ok),
                env={**(env or {}), **mark.env},
                watch=mark,
            )
        except StalledError as error:
            raise SandboxError(f"{error}: {self._odd() or _HELD_UP}") from error

    def _odd(self) -> str:
        """Which of git's own files is none, in words; empty = all are files, or it cannot be told."""
        try:
            answer = self.sandbox.call(["sh", "-c", git_files.ODD], limit=_SHORT, timeout=_SHORT_S)
        except SandboxError:
            return ""
        return git_files.said(answer)

    # -- where it stands ------------------------------------------------------------------------

    def state(self, *, alone: bool) -> State:
        """HEAD, the branch it is on, and the signature of the index and the ignore files.

        Removes lock files that a killed git left behind; `alone`: no other command runs in the box.
        """
        fields = _sound(self.script(_STATE, "1" if alone else "")).split(b"\n", 3)
        if len(fields) < 4 or not fields[0].startswith(b"at "):
            raise SandboxError("its git directory (.git) is damaged: HEAD, objects or refs are gone")
        head, ref, busy, signature = fields
        return State(text(head[3:]) or None, text(ref) or None, signature, busy=bool(busy))

    def signature(self) -> bytes:
        """The signature alone."""
        return self.script(STAT)

    def usable(self) -> bool:
        """Is it a repository whose HEAD can be read (or is still unborn)?"""
        asked = f"{git_files.ODD}\n{{ {_USABLE}; }} >/dev/null 2>&1 && echo yes || true"
        return self.script(asked).strip() == b"yes"

    def lacks(self, commit: str) -> bool:
        """Is the commit not there?"""
        script = 'git cat-file -e "$1^{commit}" 2>/dev/null || echo lacks'
        return self.script(script, commit).strip() == b"lacks"

    def index_is_tree_of(self, commit: str) -> bool:
        """The index holds exactly the tree of `commit` (reads the index: milliseconds at 100k files)."""
        same = 'test "$(git write-tree 2>/dev/null)" = "$(git rev-parse "$1^{tree}")" && echo same || echo'
        return self.script(same, commit).strip() == b"same"

    def update_index(self, changed: Sequence[bytes], deleted: Sequence[bytes]) -> bytes | None:
        """Bring the index up to date for these paths; returns its signature, None = it is locked.

        Every entry is taken out first: a deleted path may lead through a link to another file now, and what
        git believes to know of a changed file by its size and age is not asked for.
        """
        script = (
            git_files.ODD
            + 'git update-index -q --force-remove "$@" --no-force-remove --add --remove --replace -z --stdin '
            + "|| exit 3; "
            + STAT
        )
        listed = b"".join(path + b"\0" for path in changed)
        signature = b""
        for chunk in chunks([*deleted, *changed]):
            names = ["./" + text(path) for path in chunk]
            signature = _sound(self.script(script, *names, stdin=listed, ok=(0, 3)))
        return signature or None

    def drop_commit(self, commit: str) -> None:
        """Move HEAD back from `commit` to its parent, if it still stands there."""
        script = (
            'if parent=$(git rev-parse -q --verify "$1^"); then git update-ref HEAD "$parent" "$1"; '
            'else git update-ref -d HEAD "$1"; fi'
        )
        self.script(script, commit)

    def descends(self, old: str, new: str) -> bool:
        """Does the commit `new` come after `old`, or is it the same? False when one is not known here."""
        script = 'git merge-base --is-ancestor "$1" "$2" 2>/dev/null && echo yes || true'
        return self.script(script, old, new).strip() == b"yes"

    # -- trees and paths ------------------------------------------------------------------------

    def tree(self, commit: str, paths: Sequence[bytes], *, unborn: bool = False) -> dict[bytes, TreeEntry]:
        """The files of `commit` at or below `paths`; `unborn`: nothing when there is no such commit."""
        found: dict[bytes, TreeEntry] = {}
        for chunk in chunks(paths):
            argv = (*_LS_TREE, "-r", commit, "--", *map(text, chunk))
            found.update(_tree_rows(self.run(*argv, ok=(0, 128) if unborn else (0,))))
        return found

    def modules_among(self, commit: str, paths: Sequence[bytes]) -> set[bytes]:
        """Those of `paths` that are a submodule or nested repository in `commit`."""
        found: set[bytes] = set()
        for chunk in chunks(paths):
            out = self.run(*_LS_TREE, commit, "--", *map(text, chunk))
            found |= {path for path, entry in _tree_rows(out) if entry.is_module}
        return found

    def ignored(self, paths: Sequence[bytes]) -> dict[bytes, str]:
        """Those of `paths` that an ignore rule matches, with the rule in words."""
        if not paths:
            return {}
        asked = b"".join(b"./" + path + b"\0" for path in paths)  # check-ignore knows no literal paths
        out = self.run("check-ignore", "-z", "--stdin", "-v", "--no-index", stdin=asked, ok=(0, 1))
        fields = out.split(b"\0")[:-1]
        rows = zip(fields[0::4], fields[1::4], fields[2::4], fields[3::4], strict=True)
        return {
            path[2:]: f"ignored ({text(source)}:{text(line)}: {text(pattern)})"
            for source, line, pattern, path in rows
            if not pattern.startswith(b"!")  # -v also tells which rule un-ignored a path
        }

    def prune(self, directories: Sequence[bytes]) -> Collection[bytes]:
        """Of `directories` the ignored ones that hold nothing tracked."""
        ignored = sorted(self.ignored(directories))
        if not ignored:
            return ()
        tracked = self.tree("HEAD", ignored, unborn=True)
        return [d for d in ignored if not any(path.startswith(d + b"/") for path in tracked)]

    def hash_files(self, paths: Sequence[bytes]) -> dict[bytes, bytes]:
        """Write the blobs of regular files (filters applied) and return their ids."""
        by_line = [path for path in paths if b"\n" not in path and not path.startswith(b'"')]
        by_argument = [path for path in paths if b"\n" in path or path.startswith(b'"')]
        ids: dict[bytes, bytes] = {}
        if by_line:
            lines = b"".join(path + b"\n" for path in by_line)
            out = self.run("hash-object", "-w", "--stdin-paths", stdin=lines)
            ids.update(zip(by_line, out.split(), strict=True))
        for chunk in chunks(by_argument):
            out = self.run("hash-object", "-w", "--", *map(text, chunk))
            ids.update(zip(chunk, out.split(), strict=True))
        return ids

    def sizes(self, ids: Sequence[bytes]) -> dict[bytes, int]:
        """Sizes of blobs in bytes."""
        if not ids:
            return {}
        asked = b"".join(i + b"\n" for i in ids)
        out = self.run("cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=asked)
        rows = (line.split() for line in out.splitlines())
        return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}

    def tree_id(self, commit: str) -> str:
        return commit_id(self.run("rev-parse", f"{commit}^{{tree}}"))

    def differences(self, old: str, new: str) -> list[tuple[bytes, RawRow]]:
        """What differs between two commits, path by path, renames as delete and add."""
        return raw_rows(self.run("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new))

    # -- into the box and out of it ---------------------------------------------------------------------

    def receive(self, pack: bytes) -> None:
        """Take in a pack, which may build upon objects that are there."""
        self.run("index-pack", "--stdin", "--fix-thin", stdin=pack)

    def pack(self, commit: str, without: str, sink: BinaryIO) -> None:
        """Stream the thin pack of what `commit` has beyond `without`."""
        argv = [*_GIT, "pack-objects", "--revs", "--thin", "--stdout", "-q", "--delta-base-offset"]
        wanted = f"{commit}\n^{without}\n".encode()
        self.call(argv, stdin=wanted, sink=sink, limit=_MAX_PACK_BYTES)


def _sound(answer: bytes) -> bytes:
    """The answer itself, unless it says which of git's own files is none."""
    if odd := git_files.said(answer):
        raise SandboxError(f"its git directory (.git) is damaged: {odd}")
    return answer


def _tree_rows(out: bytes) -> Iterable[tuple[bytes, TreeEntry]]:
    for line in out.split(b"\0")[:-1]:
        meta, path = line.split(b"\t", 1)
        mode, _, sha = meta.split(b" ")
        yield path, TreeEntry(mode, sha)
