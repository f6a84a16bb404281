"""``make demo``: run the quickstart from a clean kernel and say what happened.

python notebooks/demo.py            executed copy in build/demo/
python notebooks/demo.py --commit   refresh the outputs of the committed notebook
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
NOTEBOOK = HERE / "01-quickstart.ipynb"


def execute(source: Path) -> nbformat.NotebookNode:
    """Run every cell in a fresh kernel, in an empty directory; raises on the first failing cell."""
    notebook = nbformat.read(source, as_version=4)
    with tempfile.TemporaryDirectory(prefix="patina-demo-") as directory:
        Path(directory).chmod(0o711)  # as root, the sandbox runs as another user
        env = {**os.environ, "TMPDIR": directory, "PATINA_CACHE_DIR": f"{directory}/cache"}
        env.pop("PATINA_SESSION_ID", None)
        client = NotebookClient(
            notebook,
            timeout=120,
            kernel_name="python3",
            resources={"metadata": {"path": directory}},
            extra_arguments=["--IPKernelApp.log_level=40"],
        )
        client.execute(env=env)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of this run, noise in a diff
    notebook.metadata.pop("widgets", None)
    return notebook


def text(notebook: nbformat.NotebookNode) -> str:
    """The plain text of all outputs."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(o.get("text", "") or o.get("data", {}).get("text/plain", "") for o in outputs)


def summary(notebook: nbformat.NotebookNode) -> list[str]:
    """What happened, read from what the notebook shows."""
    shown = text(notebook)
    steps = re.findall(r"^Step \d+ (\w+)", shown, re.MULTILINE)
    commits = re.findall(r"^Step .* in commit ([0-9a-f]+)", shown, re.MULTILINE)
    sessions = re.findall(r"^Session (\S+) ended", shown, re.MULTILINE)
    isolation = re.search(r"^\s*isolation\s+(.+)", shown, re.MULTILINE)
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    return [
        f"{cells} cells ran in a clean kernel; the user's branch, tree and index stayed as they were.",
        f"{len(sessions)} sessions side by side: {', '.join(f'agent/{name}' for name in sessions)}.",
        f"{len(steps)} steps: {steps.count('finished')} finished, {steps.count('failed')} failed on purpose.",
        f"{len(set(commits))} commits on their branches; what was left out of them is named in the notebook.",
        f"Sandbox: {isolation[1] if isolation else 'not shown'}.",
    ]


def main() -> None:
    """Execute, write, summarise."""
    notebook = execute(NOTEBOOK)
    target = NOTEBOOK if "--commit" in sys.argv[1:] else HERE.parent / "build" / "demo" / NOTEBOOK.name
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)
    print("\n".join(summary(notebook)))
    print(f"Executed notebook: {target}")


if __name__ == "__main__":
    main()
