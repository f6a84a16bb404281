"""Runners: the addresses of Dagger engines, and whether somebody answers there.

An address is what Dagger's own ``_EXPERIMENTAL_DAGGER_RUNNER_HOST`` takes. Without one the dagger command
starts an engine itself, for which it needs a container runtime.
"""

from __future__ import annotations

import os
import shutil
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from patina_nb.errors import EngineUnavailableError

VARIABLE = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
SCHEMES = (
    "unix",
    "tcp",
    "tls",
    "ssh",
    "kube-pod",
    "docker-container",
    "docker-image",
    "container",
    "image",
    "dagger-cloud",
)
RUNTIMES = ("docker", "podman", "nerdctl", "finch", "container")
_TLS_PORT = 443
_ANSWER_S = 1.0


@dataclass(frozen=True)
class Runner:
    """The address of an engine; None = the engine that the dagger command starts by itself."""

    address: str | None = None

    @property
    def scheme(self) -> str:
        return urlsplit(self.address).scheme if self.address else ""

    @property
    def launches(self) -> bool:
        """Does connecting start (and maybe download) an engine?"""
        return self.address is None or "image" in self.scheme

    def __str__(self) -> str:
        if self.address is None:
            return "the engine that the dagger command starts by itself"
        return _without_password(self.address)


def configured(address: str | None = None) -> Runner:
    """The runner of that address, else of the environment; raises EngineUnavailableError for no address."""
    given = address or os.environ.get(VARIABLE) or None
    if given is None:
        return Runner()
    scheme = urlsplit(given).scheme.partition("+")[0]
    if scheme not in SCHEMES:
        raise EngineUnavailableError(
            f"{given!r} is not the address of a Dagger runner: it must begin with one of "
            + ", ".join(f"{name}://" for name in SCHEMES)
        )
    return Runner(given)


def unreachable(runner: Runner, seconds: float = _ANSWER_S) -> str | None:
    """Why nobody can be there, in words; None = somebody listens, or only connecting will tell."""
    if runner.address is None:
        return _no_runtime()
    parts = urlsplit(runner.address)
    try:
        if parts.scheme == "unix":
            _knock(socket.AF_UNIX, parts.path, seconds)
        elif parts.scheme in ("tcp", "tls"):
            with socket.create_connection((parts.hostname or "", parts.port or _TLS_PORT), seconds):
                pass
    except FileNotFoundError:
        return f"there is no socket at {parts.path}"
    except ConnectionRefusedError:
        return f"nobody listens at {runner}: the engine does not run"
    except PermissionError:
        return f"you may not connect to {runner}"
    except (OSError, ValueError) as error:
        return f"{runner} cannot be reached: {error}"
    return None


def runtimes() -> list[str]:
    """The container runtimes in PATH that the dagger command can start an engine with."""
    return [name for name in RUNTIMES if shutil.which(name)]


def _no_runtime() -> str | None:
    found = runtimes()
    if not found:
        return (
            f"no runner is named ({VARIABLE}) and no container runtime is installed ({', '.join(RUNTIMES)})"
        )
    if found == ["docker"]:
        return _no_docker()
    return None


def _no_docker() -> str | None:
    """Docker alone, and its daemon does not run: say so before the dagger command tries for long."""
    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if os.environ.get("DOCKER_CONTEXT") or not host.startswith("unix://"):
        return None
    reason = unreachable(Runner(host))
    return f"the Docker daemon does not run ({reason})" if reason else None


def _knock(family: int, address: str, seconds: float) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(seconds)
        probe.connect(address)


def _without_password(address: str) -> str:
    password = urlsplit(address).password
    return address if password is None else address.replace(f":{password}@", ":***@", 1)
