"""What the teaching notebooks need: a small repository to work on, and answers to exercises."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from patina_nb.presentation import html
from patina_nb.presentation.html import Piece

_FILES = {
    "calc.py": "def add(a, b):\n    return a + b\n",
    "test_calc.py": (
        "import unittest\n\nfrom calc import add\n\n\n"
        "class Add(unittest.TestCase):\n"
        "    def test_add(self):\n"
        "        self.assertEqual(add(2, 3), 5)\n"
    ),
    ".gitignore": "__pycache__/\n*.log\n",
}


def calculator() -> Path:
    """A new git repository with one function and one test; its directory becomes the current one."""
    repository = Path(tempfile.mkdtemp(prefix="calculator-"))
    for name, content in _FILES.items():
        (repository / name).write_text(content)
    who = ("-c", "user.name=You", "-c", "user.email=you@example.org", "-c", "commit.gpgsign=false")
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        [*who, "commit", "-q", "-m", "A calculator"],
    ):
        subprocess.run(["git", *command], cwd=repository, check=True)
    os.chdir(repository)
    return repository


class Answer:
    """Whether an exercise is solved; shown when a cell ends with it."""

    def __init__(self, solved: bool, hint: str) -> None:
        self.solved = solved
        self.hint = hint

    def piece(self) -> Piece:
        """In words."""
        return html.line("Solved") if self.solved else html.line("Not yet", self.hint)

    def _repr_mimebundle_(self, **_options: object) -> dict[str, str]:
        return self.piece().bundle()


def check(solved: object, hint: str) -> Answer:
    """The answer to an exercise: solved, or the hint."""
    return Answer(bool(solved), hint)
