"""Boxes for the tests of the command server and its client."""

from __future__ import annotations

import pytest

from patina_nb.sandbox.client import Sandbox
from tests.sandbox import boxes


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """The server as a plain process; one for all tests of a module."""
    root = tmp_path_factory.mktemp("workspace")
    box = boxes.ServerBox(root)
    yield box
    box.close()


@pytest.fixture
def sandbox(box):
    return Sandbox(box)


@pytest.fixture
def own_box(tmp_path):
    """A box for one test, which may break it."""
    box = boxes.ServerBox(tmp_path)
    yield box
    box.close()


@pytest.fixture(scope="session")
def _namespaces():
    why = boxes.why_no_namespaces()
    if why is not None or boxes.system_python() is None:
        pytest.skip(f"no process namespaces here: {why or 'no python3 that every user can run'}")


@pytest.fixture
def jail(_namespaces):
    """Makes boxes whose server is process 1 of its own namespace and an ordinary user."""
    with boxes.public_folder() as folder:
        made = []

        def make(**settings):
            made.append(
                boxes.ServerBox(
                    folder / "ws",
                    python=boxes.system_python(),
                    wrap=boxes.namespaces(boxes.NOBODY),
                    package=folder / "server",
                    namespace=True,
                    **settings,
                )
            )
            return made[-1]

        yield make
        for box in made:
            box.close()
