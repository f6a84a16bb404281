"""Every notebook runs from a clean kernel, and its committed copy shows what a reader will see."""

from __future__ import annotations

import copy
import re
import sys
from pathlib import Path

import nbformat
import pytest

from tests.dagger.live import needs_containers, reveal, rootfs

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))

import demo  # noqa: E402 - the folder of notebooks is no package
import execute  # noqa: E402

SOLUTION = re.compile(r"```python\n(.*?)```", re.DOTALL)


def read(path):
    return nbformat.read(path, as_version=4)


def tags(cell):
    return cell.metadata.get("tags", [])


def solved(notebook):
    """The notebook as a learner leaves it: each exercise answered as its solution says."""
    done = copy.deepcopy(notebook)
    exercise = None
    for cell in done.cells:
        if "exercise" in tags(cell):
            exercise = cell
        elif "solution" in tags(cell):
            exercise.source = SOLUTION.search(cell.source)[1]
    return done


def case(path):
    """To run a notebook; one that needs a Dagger engine is skipped where there is none."""
    return pytest.param(
        path, id=path.stem, marks=needs_containers if execute.needs_dagger(read(path)) else ()
    )


ALL = execute.notebooks()


@pytest.mark.parametrize("path", [case(path) for path in ALL])
def test_it_runs_with_its_exercises_solved_and_shows_what_the_committed_copy_shows(path, monkeypatch):
    notebook = read(path)
    if execute.needs_dagger(notebook):
        reveal(monkeypatch)
        monkeypatch.setenv("PATINA_DAGGER_IMAGE", f"rootfs:{rootfs()}")
    ran = execute.execute(path, solved(notebook))
    n_exercises = sum("exercise" in tags(cell) for cell in notebook.cells)
    assert execute.text(ran).count("Solved") == n_exercises
    for before, after in zip(notebook.cells, ran.cells, strict=True):
        if before.cell_type == "code" and not tags(before):
            assert bool(before.outputs) == bool(after.outputs), f"outputs are not current: {before.source}"


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_the_committed_copy_is_whole_and_reads_well_anywhere(path):
    notebook = read(path)
    nbformat.validate(notebook)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert outputs
    assert not [output for output in outputs if output.output_type == "error"]
    assert "widgets" not in notebook.metadata
    markup = "".join(output.get("data", {}).get("text/html", "") for output in outputs)
    assert not re.search("<style(?! scoped)|<script", markup), "GitHub would strip or show it"
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code" and cell.source)
    assert not re.search(
        r"/root/|/home/(?!agent)|(?<![\w.~])/\S+/site-packages", text := execute.text(notebook)
    ), text


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_an_exercise_is_not_solved_by_itself(path):
    shown = execute.text(read(path))
    n_exercises = sum("exercise" in tags(cell) for cell in read(path).cells)
    assert shown.count("Not yet") == n_exercises
    assert "Solved" not in shown or n_exercises == 0


def test_every_lesson_is_in_the_index():
    index = "".join(cell.source for cell in read(NOTEBOOKS / "00-index.ipynb").cells)
    assert set(re.findall(r"\((\d\d-[\w-]+\.ipynb)\)", index)) == {path.name for path in ALL} - {
        "00-index.ipynb"
    }


def test_links_lead_somewhere():
    for path in ALL:
        for cell in read(path).cells:
            for target in re.findall(r"\]\(([^)#:]+)\)", cell.source if cell.cell_type == "markdown" else ""):
                assert (NOTEBOOKS / target).exists(), (path.name, target)


def test_the_demo_tells_what_happened():
    lines = demo.summary(execute.execute(demo.NOTEBOOK))
    assert len(lines) == 5
    assert lines[1].startswith("2 sessions side by side: agent/add-division, agent/add-multiplication")
    assert lines[2] == "7 steps: 6 finished, 1 failed on purpose."
    assert lines[3].startswith("3 commits")


def test_the_quickstart_says_what_was_left_out():
    assert "test.log: ignored" in execute.text(read(demo.NOTEBOOK))
