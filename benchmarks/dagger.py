"""The Dagger engine: a command, a step from edit to branch, opening a workspace; beside container-use.

container-use runs on the same engine and begins with the same image, where it is on the PATH and the image is
one that it takes (``PATINA_DAGGER_IMAGE`` names it by a reference); elsewhere the rows say so.
"""

from __future__ import annotations

import functools
import itertools
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import patina_nb as patina
from benchmarks import container_use
from benchmarks.container_use import ContainerUse
from benchmarks.repositories import make
from benchmarks.timing import Row, in_turn, pause, timed
from patina_nb.engines.dagger import availability, images
from patina_nb.engines.dagger.connections import connect
from patina_nb.sandbox.protocol import Command

if TYPE_CHECKING:
    import dagger

SMALL, MIDDLE, LARGE = 30, 12_000, 100_000
SIZES = {SMALL: "30", MIDDLE: "12k", LARGE: "100k"}
ROOTFS = "PATINA_TEST_ROOTFS"  # an image that is there without a network, as the tests take it
EDITED = "d0000/f000000.py"
RUN, OPEN = "run a command and commit", "open a workspace and run `true`, seed there"
CREATED_FASTER = {SMALL: 1.4, MIDDLE: 10}  # than an environment of container-use
_numbers = itertools.count()
_opened: list[patina.Workspace] = []


def missing() -> str:
    """Why the engine cannot be measured here; "" = it can."""
    found = availability.probe()
    return "" if found.usable else f"no Dagger engine: {found.reason}"


def rows(scratch: Path) -> Iterator[Row]:
    """The rows of the Dagger engine, in the order of the table."""
    if os.environ.get(ROOTFS):
        os.environ.setdefault(images.VARIABLE, f"rootfs:{os.environ[ROOTFS]}")
    repositories = {size: make(scratch / f"files-{size}", size) for size in SIZES}
    firsts = {size: timed(functools.partial(opened, path)) for size, path in repositories.items()}
    put_away()
    yield from command(repositories[SMALL])
    yield from edit_to_branch(repositories)
    yield from opening(repositories)
    yield from beside_container_use(scratch, repositories, firsts)


def opened(repository: Path) -> patina.Workspace:
    """A workspace of a new session; its first command has answered."""
    session = patina.start(session=f"bench-{next(_numbers)}", path=repository)
    workspace = patina.workspace(session, engine="dagger", path=repository)
    assert workspace.run("true").ok
    _opened.append(workspace)
    return workspace


def put_away() -> None:
    """Delete what `opened` has opened, then `pause`."""
    while _opened:
        _opened.pop().delete(force=True)
    pause()


def command(repository: Path) -> Iterator[Row]:
    """A command in an open workspace, in turn with a bare subprocess and with a bare ``withExec``."""
    sandbox = opened(repository)._sandbox
    request = Command(["true"])
    ours, process, exec_ = in_turn(
        lambda: sandbox.exec(request),
        lambda: subprocess.run(["true"], check=True),
        bare_exec("true"),
        runs=100,
    )
    put_away()
    what = "command in an open workspace"
    yield Row(what, ours, "bare subprocess", process, "<= 3x", ours <= 3 * process, 100)
    baseline = "bare `withExec` of it, an argument changing"
    yield Row(what, ours, baseline, exec_, ">= 30x faster", 30 * ours <= exec_, 100)


def bare_exec(*words: str) -> Callable[[], object]:
    """A command in the container of the image by ``withExec``, with one more argument."""
    connection = connect()
    base: dagger.Container = connection.run(
        lambda: images.container(connection.client, images.default()).sync()
    )
    return lambda: connection.run(lambda: base.with_exec([*words, fresh()]).sync())


def fresh() -> str:
    """A word that no engine has seen: a command that it has run before comes from its cache."""
    return secrets.token_hex(8)


def edit_to_branch(repositories: dict[int, Path]) -> Iterator[Row]:
    """A step that edits one file, until the commit is on agent/<id>; the size shall not count."""
    edits = [edit(opened(repository)) for repository in repositories.values()]
    small, *others = in_turn(*edits, runs=40, between=pause)
    put_away()
    for size, ours in zip((MIDDLE, LARGE), others, strict=True):
        what = f"edit -> commit on agent/<id>, {SIZES[size]} files"
        yield Row(what, ours, "the same at 30 files", small, "<= 1.3x", ours <= 1.3 * small, 40)


def edit(workspace: patina.Workspace) -> Callable[[], None]:
    def step() -> None:
        done = workspace.run(f"echo {fresh()} > {EDITED}")
        assert done.commit is not None, done

    return step


def opening(repositories: dict[int, Path]) -> Iterator[Row]:
    """A new workspace at a commit whose seed exists, until its first command has answered."""
    actions = [functools.partial(opened, repositories[size]) for size in (LARGE, SMALL)]
    large, small = in_turn(*actions, runs=9, warm_up=1, between=put_away)
    yield Row(f"{OPEN}, 100k files", large, "the same at 30 files", small, "<= 1.3x", large <= 1.3 * small, 9)


def beside_container_use(
    scratch: Path, repositories: dict[int, Path], firsts: dict[int, float]
) -> Iterator[Row]:
    """A step and an opening against container-use, else against what the engine itself takes.

    `firsts`: milliseconds of the first opening, which made the seed.
    """
    image = images.default().reference
    reason = container_use.missing(image)
    for size, repository in list(repositories.items())[:2]:
        if reason or image is None:
            yield from _alone(size, repository, firsts[size], reason)
            continue
        other = make(scratch / f"other-{size}", size)
        with ContainerUse(other, image, scratch / f"home-{size}") as server:
            yield from _against(server, size, repository)


def _against(server: ContainerUse, size: int, repository: Path) -> Iterator[Row]:
    name = f"container-use {container_use.version()}"
    environment = server.create()
    actions = edit(opened(repository)), lambda: server.run(environment, f"echo {fresh()} > {EDITED}")
    ours, theirs = in_turn(*actions, runs=20, between=pause)
    put_away()
    yield Row(f"{RUN}, {SIZES[size]} files", ours, name, theirs, ">= 5x faster", 5 * ours <= theirs, 20)
    ours, theirs = in_turn(lambda: opened(repository), server.create, runs=9, warm_up=1, between=put_away)
    times = CREATED_FASTER[size]
    what, baseline, goal = f"{OPEN}, {SIZES[size]} files", f"{name}, create alone", f">= {times:g}x faster"
    yield Row(what, ours, baseline, theirs, goal, times * ours <= theirs, 9)


def _alone(size: int, repository: Path, first: float, reason: str) -> Iterator[Row]:
    """Not met, whatever it takes: nothing was compared."""
    ours, exec_ = in_turn(edit(opened(repository)), bare_exec("true"), runs=20, between=pause)
    put_away()
    goal = f">= 5x faster than {reason}"
    yield Row(
        f"{RUN}, {SIZES[size]} files", ours, "bare `withExec` of `true`", exec_, goal, met=False, runs=20
    )
    (ours,) = in_turn(lambda: opened(repository), runs=9, warm_up=1, between=put_away)
    goal = f">= {CREATED_FASTER[size]:g}x faster than {reason}"
    yield Row(
        f"{OPEN}, {SIZES[size]} files", ours, "the first there, no seed yet", first, goal, met=False, runs=9
    )
