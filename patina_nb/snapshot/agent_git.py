"""Git plumbing sent to the agent's own repository, inside the box."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from patina_nb.sandbox.client import Sandbox
from patina_nb.snapshot.model import RawRow, State, TreeEntry, chunks, commit_id, raw_rows, text

# Files whose change means that the agent's index, or what it ignores, may differ from what we know.
_WATCHED = (".git/index", ".git/info/exclude", ".git/config", '"$HOME"/.config/git/ignore')
_STAT = "stat -c '%n %s %y %z %i' " + " ".join(_WATCHED) + " 2>/dev/null; true"
_SLOW_S = 600


@dataclass(frozen=True)
class AgentGit:
    """Every method is one or two processes in the box and raises SandboxError when git fails there."""

    sandbox: Sandbox

    def run(
        self,
        *args: str,
        stdin: bytes | None = None,
        ok: Sequence[int] = (0,),
        env: Mapping[str, str] | None = None,
    ) -> bytes:
        """Standard output of `git args`, run at the top of the workspace."""
        prefix = ["env", *(f"{key}={value}" for key, value in env.items())] if env else []
        return self.sandbox.call([*prefix, "git", *args], stdin=stdin, ok=ok, timeout=_SLOW_S)

    def script(self, script: str, *args: str, stdin: bytes | None = None) -> bytes:
        return self.sandbox.call(["sh", "-c", script, "sh", *args], stdin=stdin, timeout=_SLOW_S)

    # -- where it stands ------------------------------------------------------------------------

    def state(self) -> State:
        """HEAD, the branch it is on, and the signature of the index and the ignore files."""
        out = self.script(
            "git rev-parse -q --verify HEAD || echo; git symbolic-ref -q HEAD || echo; " + _STAT
        )
        head, ref, signature = out.split(b"\n", 2)
        return State(head.decode() or None, ref.decode() or None, signature)

    def index_is_tree_of(self, commit: str) -> bool:
        """The index holds exactly the tree of `commit` (reads the index: milliseconds at 100k files)."""
        same = 'test "$(git write-tree 2>/dev/null)" = "$(git rev-parse "$1^{tree}")" && echo same || echo'
        return self.script(same, commit).strip() == b"same"

    def update_index(self, paths: Sequence[bytes]) -> bytes:
        """Bring the index up to date for `paths`; returns the new signature."""
        listed = b"".join(path + b"\0" for path in paths)
        script = "git update-index -q --add --remove --replace -z --stdin; " + _STAT
        return self.script(script, stdin=listed)

    def drop_stale_locks(self, ref: str) -> None:
        """Remove what a killed git left behind; only right while no command runs in the box."""
        self.script('rm -f .git/index.lock .git/HEAD.lock ".git/$1.lock"', ref)

    # -- trees and paths ------------------------------------------------------------------------

    def tree(self, commit: str, paths: Sequence[bytes]) -> dict[bytes, TreeEntry]:
        """The files of `commit` at or below `paths`."""
        found: dict[bytes, TreeEntry] = {}
        for chunk in chunks(paths):
            out = self.run("ls-tree", "-r", "-z", "--full-tree", commit, "--", *map(text, chunk))
            found.update(_tree_rows(out))
        return found

    def modules_among(self, commit: str, paths: Sequence[bytes]) -> set[bytes]:
        """Those of `paths` that are a submodule or nested repository in `commit`."""
        found: set[bytes] = set()
        for chunk in chunks(paths):
            out = self.run("ls-tree", "-z", "--full-tree", commit, "--", *map(text, chunk))
            found |= {path for path, entry in _tree_rows(out) if entry.is_module}
        return found

    def ignored(self, paths: Sequence[bytes]) -> dict[bytes, str]:
        """Those of `paths` that an ignore rule matches, with the rule in words."""
        if not paths:
            return {}
        asked = b"".join(path + b"\0" for path in paths)
        out = self.run("check-ignore", "-z", "--stdin", "-v", "--no-index", stdin=asked, ok=(0, 1))
        fields = out.split(b"\0")[:-1]
        rows = zip(fields[0::4], fields[1::4], fields[2::4], fields[3::4], strict=True)
        return {
            path: f"ignored ({text(source)}:{text(line)}: {text(pattern)})"
            for source, line, pattern, path in rows
            if not pattern.startswith(b"!")  # -v also tells which rule un-ignored a path
        }

    def prune(self, directories: Sequence[bytes]) -> Collection[bytes]:
        """Of `directories` the ignored ones that hold nothing tracked."""
        ignored = sorted(self.ignored(directories))
        if not ignored:
            return ()
        tracked = self.tree("HEAD", ignored)
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


def _tree_rows(out: bytes) -> Iterable[tuple[bytes, TreeEntry]]:
    for line in out.split(b"\0")[:-1]:
        meta, path = line.split(b"\t", 1)
        mode, _, sha = meta.split(b" ")
        yield path, TreeEntry(mode, sha)
