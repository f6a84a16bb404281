"""The status line of a workspace that opens in a container, in a real kernel."""

from __future__ import annotations

import uuid

import pytest

from tests.dagger.live import needs_engine, rootfs
from tests.notebook.conftest import Kernel, cache, repository  # noqa: F401 - fixtures

pytestmark = needs_engine


@pytest.fixture
def kernel(repository, monkeypatch):  # noqa: F811
    monkeypatch.setenv("PATINA_ENGINE", "dagger")
    kernel = Kernel()
    kernel.run("%load_ext patina_nb")
    yield kernel
    kernel.run("%patina_delete work --force")
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel()


def test_the_slow_part_of_opening_is_told(kernel, repository):  # noqa: F811
    setup = f"sleep 4; echo {uuid.uuid4().hex[:8]}"
    (repository / "PROJECT_DESIGN.toml").write_text(
        '[project]\nname = "x"\nfeatures = ["agent-workflows"]\n'
        f'[workspace]\nimage = {{ rootfs = "{rootfs()}" }}\nsetup = ["{setup}"]\n'
    )
    outputs = kernel.run("%patina_workspace work")
    live = [shown.text for shown in outputs if shown.text.startswith("Running")]
    assert any(f"running {setup}" in text for text in live), outputs
    assert "Workspace work open: branch agent/work, engine dagger" in outputs[-1].text
    outputs = kernel.run("%patina_run echo 'output of a step'")
    assert "output of a step" in outputs[-1].text
