"""The base environment of commands in a box: nothing of ours is passed on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from patina_nb.engines.base import BoxSpec

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# CARGO_HOME and RUSTUP_HOME are left alone: they hold programs as well as caches, and follow HOME
# directory below ~/.cache -> the variable that sends its tool there
_CACHES = {
    "pip": "PIP_CACHE_DIR",
    "uv": "UV_CACHE_DIR",
    "npm": "npm_config_cache",
    "yarn": "YARN_CACHE_FOLDER",
    "go-build": "GOCACHE",
    "go-mod": "GOMODCACHE",
    "pre-commit": "PRE_COMMIT_HOME",
    "ruff": "RUFF_CACHE_DIR",
    "mypy": "MYPY_CACHE_DIR",
}


def caches(home: str) -> dict[str, str]:
    """The cache directory of each tool, all below the session's own home."""
    return {tool: f"{home}/.cache/{tool}" for tool in _CACHES}


def base(
    spec: BoxSpec, *, home: str, tmp: str, bins: Iterable[Path], shared: Mapping[str, str]
) -> dict[str, str]:
    """The complete environment. `shared`: volume name -> path, given as PATINA_SHARED_<NAME>."""
    volumes = {f"PATINA_SHARED_{_upper(name)}": path for name, path in shared.items()}
    return {
        "PATH": ":".join([*map(str, bins), _SYSTEM_PATH]),
        "HOME": home,
        "USER": "agent",
        "LOGNAME": "agent",
        "SHELL": "/bin/sh",
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "TMPDIR": tmp,
        "XDG_CACHE_HOME": f"{home}/.cache",
        **{_CACHES[tool]: path for tool, path in caches(home).items()},
        **volumes,
        **spec.env,
        "PATINA_SESSION_ID": spec.session_id,
        "PATINA_AGENT_MODE": "1",
    }


def tool_bins(folders: Iterable[Path]) -> list[Path]:
    """The directories of tools that belong on PATH."""
    return [path / "bin" if (path / "bin").is_dir() else path for path in folders]


def _upper(name: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in name).upper()
