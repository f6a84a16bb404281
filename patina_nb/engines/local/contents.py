"""What goes into a box, gathered once for every kind of box."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from patina_nb.engines.base import BoxSpec
from patina_nb.engines.identity import Identity
from patina_nb.engines.local import environment, host, interpreter, objects
from patina_nb.engines.local.bubblewrap import HOME, OBJECTS, RUN, Bind, Link
from patina_nb.engines.local.carried import server_code
from patina_nb.engines.local.interpreter import Interpreter, in_system
from patina_nb.engines.local.staging import can_stage
from patina_nb.engines.places import ProjectCache, passage
from patina_nb.errors import EngineUnavailableError


@dataclass(frozen=True)
class Contents:
    """Host paths; where they lie inside depends on the kind of box."""

    interpreter: Interpreter
    system: tuple[Bind | Link, ...]
    tools: tuple[Path, ...]
    objects: tuple[Path, ...]
    volumes: tuple[Bind, ...]
    server: Path  # the directory that contains the package `server`
    notes: tuple[str, ...]

    @property
    def bins(self) -> list[Path]:
        return [*self.interpreter.bins, *environment.tool_bins(self.tools)]


def gather(spec: BoxSpec, cache: ProjectCache, identity: Identity, *, staged: bool) -> Contents:
    """Collect the contents; raises EngineUnavailableError when there is no Python for the server.

    `identity` is who the server runs as. `staged`: what it cannot reach by its path can be mounted for it.
    """
    staged = staged and identity.switched and can_stage()
    python = interpreter.find(identity, staged=staged)
    if isinstance(python, str):
        raise EngineUnavailableError(python)
    tools, notes = host.tools(spec.tools, identity, staged=staged)
    return Contents(
        interpreter=python,
        system=tuple(host.system(identity)),
        tools=tuple(tools),
        objects=tuple(objects.for_box(cache, identity, spec.git_dir, staged=staged)),
        volumes=tuple(host.volumes(spec, cache.shared, cache.identity)),
        server=server_code(identity, cache.root.parent),
        notes=(*([python.note] if python.note else []), *notes),
    )


def binds(contents: Contents, *, open_network: bool) -> list[Bind]:
    """Beyond the system: what a box with its own mounts shows, parents before what lies in them."""
    tools = [path for path in contents.tools if not in_system(path)]  # the rest is there anyway
    own = sorted([*contents.interpreter.folders, *tools])
    return [
        *(Bind(path, str(path)) for path in own),
        *(Bind(path, f"{OBJECTS}/{number}") for number, path in enumerate(contents.objects)),
        Bind(contents.server / "server", f"{RUN}/server"),
        *host.resolver(open_network=open_network),
        *contents.volumes,
    ]


def overlaid(contents: Contents, cache: ProjectCache) -> list[Bind]:
    """Single files: the users a box knows, and nothing where object directories name others."""
    uid, gid = cache.identity.uid, cache.identity.gid
    folder = cache.root / f"etc-{uid}"
    files = {
        "passwd": f"root:x:0:0:root:/:/usr/sbin/nologin\nagent:x:{uid}:{gid}:agent:{HOME}:/bin/sh\n"
        "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
        "group": f"root:x:0:\nagent:x:{gid}:\nnogroup:x:65534:\n",
        "empty": "",
    }
    if not (folder / "empty").exists():
        passage(folder, cache.identity)
        for name, text in files.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o644)
    nested = [
        Bind(folder / "empty", f"{OBJECTS}/{number}/info/alternates")
        for number, path in enumerate(contents.objects)
        if (path / "info" / "alternates").exists()
    ]
    users = [
        Bind(folder / name, f"/etc/{name}") for name in ("passwd", "group") if Path("/etc", name).exists()
    ]
    return [*users, *nested]
