"""``make demo``: run the quickstart from a clean kernel into build/demo/ and say what happened."""

from __future__ import annotations

import re

import nbformat
from execute import HERE, execute, text

NOTEBOOK = HERE / "01-quickstart.ipynb"


def summary(notebook: nbformat.NotebookNode) -> list[str]:
    """What happened, read from what the notebook shows."""
    shown = text(notebook)
    steps = re.findall(r"^Step \d+ (\w+)", shown, re.MULTILINE)
    commits = re.findall(r"^Step .* in commit ([0-9a-f]+)", shown, re.MULTILINE)
    sessions = re.findall(r"^Session (\S+) ended", shown, re.MULTILINE)
    engine = re.search(r"^\s*engine\s+(.+)", shown, re.MULTILINE)
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    return [
        f"{cells} cells ran in a clean kernel; the user's branch, tree and index stayed as they were.",
        f"{len(sessions)} sessions side by side: {', '.join(f'agent/{name}' for name in sessions)}.",
        f"{len(steps)} steps: {steps.count('finished')} finished, {steps.count('failed')} failed on purpose.",
        f"{len(set(commits))} commits on their branches; what was left out of them is named in the notebook.",
        f"Sandbox: {engine[1] if engine else 'not shown'}.",
    ]


def main() -> None:
    """Execute, write, summarise."""
    notebook = execute(NOTEBOOK)
    target = HERE.parent / "build" / "demo" / NOTEBOOK.name
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)
    print("\n".join(summary(notebook)))
    print(f"Executed notebook: {target}")


if __name__ == "__main__":
    main()
