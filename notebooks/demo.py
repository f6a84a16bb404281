"""``make demo``: run the quickstart from a clean kernel and say what happened.

python notebooks/demo.py            executed copy in build/demo/
python notebooks/demo.py --commit   refresh the outputs of the committed notebook
"""

from __future__ import annotations

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
        client = NotebookClient(
            notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": directory}}
        )
        client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of this run, noise in a diff
    notebook.metadata.pop("widgets", None)
    return notebook


def texts(notebook: nbformat.NotebookNode) -> list[str]:
    """The plain-text output of each code cell."""
    return [
        "".join(
            output.get("text", "") or output.get("data", {}).get("text/plain", "")
            for output in cell.get("outputs", [])
        )
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def main() -> None:
    """Execute, write, summarise."""
    notebook = execute(NOTEBOOK)
    target = NOTEBOOK if "--commit" in sys.argv[1:] else HERE.parent / "build" / "demo" / NOTEBOOK.name
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)
    cells = texts(notebook)
    print(f"The quickstart ran from a clean kernel: {len(cells)} cells, none failed.")
    print(f"Executed notebook: {target}")


if __name__ == "__main__":
    main()
