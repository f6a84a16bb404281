"""Synthetic repositories: one commit of small text files, written by ``git fast-import``."""

from __future__ import annotations

import subprocess
from pathlib import Path


def make(path: Path, files: int) -> Path:
    """A repository with so many files, 100 in a directory, checked out."""
    path.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=path, check=True)
    lines = ["commit refs/heads/main", "committer B <b@example.org> 1700000000 +0000", "data 4", "base"]
    for number in range(files):
        body = f"value = {number}\n" * 5
        lines += [f"M 100644 inline d{number // 100:04d}/f{number:06d}.py", f"data {len(body)}", body]
    script = "\n".join([*lines, ""])
    subprocess.run(["git", "fast-import", "--quiet"], cwd=path, check=True, input=script.encode())
    subprocess.run(["git", "reset", "-q", "--hard", "main"], cwd=path, check=True)
    return path
