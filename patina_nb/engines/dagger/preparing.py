"""What a container is given beyond its seed: services, and a git directory with the session's names."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from patina_nb.engines.base import BoxSpec
from patina_nb.engines.dagger import images, packs
from patina_nb.engines.dagger.layout import HOME
from patina_nb.engines.dagger.scripts import script
from patina_nb.engines.local.checkout import config
from patina_nb.engines.local.gitdir import author, references
from patina_nb.errors import SandboxError

if TYPE_CHECKING:
    import dagger

_HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")


def first(spec: BoxSpec) -> list[str]:
    """The command that gives a new workspace the names of its session."""
    return ["sh", "-c", script("first"), "first", *_names(spec)]


def each(spec: BoxSpec) -> list[list[str]]:
    """The commands of every opening; with `renew_git` a new git directory among them."""
    if not spec.renew_git:
        return [["sh", "-c", script("each")]]
    head = spec.head or spec.commit
    kind = "sha256" if len(head) == 64 else "sha1"
    return [["sh", "-c", script("renew"), "renew", head, _aside(spec), kind, *_names(spec, head)]]


@contextmanager
def objects(spec: BoxSpec) -> Iterator[Path | None]:
    """A directory with the objects that `each` needs, while the box starts; None = it needs none."""
    if not spec.renew_git:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="patina-objects-") as name:
        packs.write_objects(spec.git_dir, spec.head or spec.commit, None, Path(name))
        for path in Path(name).iterdir():
            path.chmod(0o644)
        Path(name).chmod(0o755)
        yield Path(name)


def notes(spec: BoxSpec) -> list[str]:
    """What the user should know of these preparations."""
    said = [
        f"The tool directory {path} is not shown in a container: bring it in with [workspace] image or setup."
        for path in spec.tools
    ]
    if spec.renew_git:
        head = spec.head or spec.commit
        said.append(
            f"The git directory of the workspace was damaged and was written anew at {head[:10]}. The files "
            "are as they were; what is left of the agent's own branches, stashes and git settings is in "
            f"{HOME}/damaged-git-*."
        )
    return said


def services(client: dagger.Client, made: dagger.Container, spec: BoxSpec) -> dagger.Container:
    """With the services that the spec names, each started when the box is, and ready when its ports answer.

    Raises SandboxError for a bad name.
    """
    for name, wanted in spec.container.services.items():
        if not _HOST.fullmatch(name):
            raise SandboxError(f"the service name {name!r} is no host name: use a-z, 0-9 and '-'")
        container = images.container(client, wanted.image)
        for variable, value in wanted.env.items():
            container = container.with_env_variable(variable, value)
        for port in wanted.ports:
            container = container.with_exposed_port(port)
        if wanted.args:
            service = container.as_service(args=list(wanted.args))
        else:
            service = container.as_service(use_entrypoint=True)
        made = made.with_service_binding(name, service)
    return made


def _names(spec: BoxSpec, commit: str | None = None) -> Sequence[str]:
    settings = config(spec.commit, bare=False) + author(spec.author)
    at = references(spec, commit or spec.commit)
    return spec.branch, at, settings, f"patina session {spec.session_id}"


def _aside(spec: BoxSpec) -> str:
    return f"{HOME}/damaged-git-{time.time_ns():x}"
