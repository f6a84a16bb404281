"""What the tests of workspaces share: a workspace beside a plain clone, and processes of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from patina_nb import events
from patina_nb.engines.local.tree import descendants
from patina_nb.engines.lock import started
from patina_nb.session import Session
from patina_nb.workspaces.step import Step
from patina_nb.workspaces.workspace import Workspace

WAIT_S = 60  # generous: only against hangs


def shell(where: Path, script: str, *, env: dict[str, str] | None = None, ok: bool = True) -> str:
    """Run a script of a test as the user; the output without its last line break."""
    done = subprocess.run(
        ["sh", "-c", script], cwd=where, env=env, capture_output=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0 or not ok, (script, done.stderr)
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")


@dataclass
class Pair:
    """A workspace, and a plain clone in which the same scripts run: their trees must be equal."""

    repo: object  # a `Repo` of tests/conftest.py
    workspace: Workspace
    clone: Path

    def run(self, script: str, *, clean: bool = True) -> Step:
        """Run it in both, compare the trees; `clean`: the agent's own ``git status`` has nothing to say."""
        step = self.workspace.run(script)
        assert step.ok, (script, step.stderr.text)
        shell(self.clone, script, env=self.repo.env)
        self.check(step, clean=clean)
        return step

    def check(self, step: Step, *, clean: bool = True) -> None:
        assert step.unpublished is None
        shell(self.clone, "git add -A --ignore-errors 2>/dev/null || true", env=self.repo.env)
        expected = shell(self.clone, "git write-tree", env=self.repo.env)
        assert self.tree() == expected, step
        assert self.repo.git("rev-parse", self.workspace.branch) == self.workspace.tip
        if clean:
            assert self.workspace.run("git status --porcelain").stdout.text == ""

    def tree(self) -> str:
        return self.repo.git("rev-parse", f"{self.workspace.tip}^{{tree}}")


def remove_tree(path: Path) -> None:
    """Remove a directory; an overlay leaves one in it that even its owner cannot enter."""
    subprocess.run(["chmod", "-R", "u+rwx", path], check=False, capture_output=True)
    shutil.rmtree(path)


def remove_cache(cache: Path, project_id: str) -> None:
    """Remove what engines keep of a project on this machine: checkouts, or where a session's volume is."""
    kept = [path for path in (cache / project_id, cache / "dagger" / project_id) if path.exists()]
    assert kept
    for path in kept:
        remove_tree(path)


def paths(step: Step) -> dict[str, str]:
    """The files of a step: path -> what happened to it."""
    return {file.path: file.status for file in step.files}


def left(step: Step) -> dict[str, str]:
    """What a step left out: path -> reason."""
    return {entry.path: entry.reason for entry in step.left_out}


def said(workspace: Workspace) -> list[str]:
    """What the user is told of this opening, but for what is the same on every opening on this machine."""
    lasting = ("The notebook's own Python", "Commands run as plain processes", "The shared volume")
    return [note for note in workspace.notes if not note.startswith(lasting)]


def finished(session: Session) -> list[events.StepFinished]:
    """The ends of steps, as the journal has them."""
    happened = session.project.journal.read(session.id).events
    return [event for event in happened if isinstance(event, events.StepFinished)]


def wait_for(true: Callable[[], object], what: str) -> None:
    """Wait until something has happened; fails the test when it does not."""
    until = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < until, f"{what} did not happen"
        time.sleep(0.01)


def python(code: str, *args: object, cwd: Path | None = None, **more: object) -> subprocess.Popen[str]:
    """Another Python process that finds what this one finds; kill and wait for it yourself."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        cwd=cwd,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def run_python(code: str, *args: object, cwd: Path | None = None) -> str:
    """The output of another Python process, which must end well."""
    process = python(code, *args, cwd=cwd)
    out, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, err
    return out.strip()


def kill_box(workspace: Workspace) -> None:
    """End a box from outside, as the kernel does when memory is short, and wait until all of it is gone."""
    if workspace.engine == "dagger":
        running = workspace._box._running
        running.connection.run(lambda: running.service.stop(kill=True), WAIT_S)
        wait_for(lambda: running.end.gone, "the end of the box")
        return
    process = workspace._box._server.process
    inside = list(descendants(process.pid))
    process.kill()
    process.wait()
    wait_for(lambda: not any(started(pid) for pid in inside), "the end of the box")
