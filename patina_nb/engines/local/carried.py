"""The code of the server, at a place where the box's user can read it."""

from __future__ import annotations

import hashlib
import secrets
from functools import cache
from pathlib import Path

from patina_nb.engines.local.identity import Identity, reaches
from patina_nb.engines.local.places import passage

_SOURCE = Path(__file__).resolve().parents[2] / "sandbox" / "server"


@cache
def server_code(identity: Identity, cache_root: Path) -> Path:
    """A directory that contains the package `server`: ours, or a copy in the cache."""
    if reaches(identity, _SOURCE) and all(reaches(identity, path) for path in _modules()):
        return _SOURCE.parent
    texts = {path.name: path.read_bytes() for path in _modules()}
    digest = hashlib.sha256(repr(sorted(texts.items())).encode()).hexdigest()[:16]
    passage(cache_root / "server", identity)
    target = cache_root / "server" / digest
    for folder in (target, target / "server"):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    for name, text in texts.items():
        _put(target / "server" / name, text)
    return target


def _modules() -> list[Path]:
    return sorted(_SOURCE.glob("*.py"))


def _put(path: Path, text: bytes) -> None:
    if path.exists():
        return
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    part.write_bytes(text)
    part.chmod(0o644)
    part.rename(path)
