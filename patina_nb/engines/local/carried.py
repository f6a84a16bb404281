"""The code of the server, compiled, at a place where the box's user can read it."""

from __future__ import annotations

import hashlib
import secrets
import shutil
import sys
from functools import cache
from pathlib import Path

from patina_nb.engines.identity import Identity
from patina_nb.engines.places import passage

_SOURCE = Path(__file__).resolve().parents[2] / "sandbox" / "server"


def server_code(identity: Identity, cache_root: Path) -> Path:
    """A directory that contains the package `server`: a copy in the cache.

    A box could write nothing beside the original, and without bytecode would compile it at every start.
    """
    passage(cache_root / "server", identity)
    target = cache_root / "server" / _digest(_SOURCE)
    if not target.is_dir():
        _carry(target)
    return target


@cache
def _digest(source: Path) -> str:
    """Names a copy by its content, and by the Python that its bytecode is for."""
    texts = [(path.name, path.read_bytes()) for path in sorted(source.glob("*.py"))]
    return hashlib.sha256(repr((sys.implementation.cache_tag, texts)).encode()).hexdigest()[:16]


def _carry(target: Path) -> None:
    import py_compile

    part = target.with_name(f"{target.name}.{secrets.token_hex(8)}.part")
    shutil.copytree(_SOURCE, part / "server", ignore=shutil.ignore_patterns("__pycache__"))
    for path in sorted((part / "server").glob("*.py")):
        py_compile.compile(
            str(path),
            dfile=path.name,
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,  # it never changes
        )
    for path in (part, *part.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    try:
        part.rename(target)
    except OSError:  # another process was first
        shutil.rmtree(part)
