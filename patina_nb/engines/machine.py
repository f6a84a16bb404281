"""What this machine brings that boxes build on, for the doctor's report."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from patina_nb.engines.local import cgroup, landlock, seccomp
from patina_nb.errors import PatinaError
from patina_nb.project import cache_root

_SYSCTLS = {
    "/proc/sys/kernel/unprivileged_userns_clone": ("0", "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
    "/proc/sys/user/max_user_namespaces": ("0", "sudo sysctl -w user.max_user_namespaces=10000"),
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": (
        "1",
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
}
_LOW_DISK = 2 << 30


@dataclass(frozen=True)
class Finding:
    """One row of the doctor's report, in short sentences."""

    topic: str  # engine, kind of box, machine
    name: str
    ok: bool
    detail: str  # what was found, or why not
    isolation: str = ""  # the badge, of engines and kinds of box
    fix: str = ""  # the command or setting that would change it


def findings() -> Iterator[Finding]:
    """git, kernel features and free disk."""
    yield _git()
    yield _user_namespaces()
    version = landlock.abi()
    yield _found("Landlock", bool(version), f"ABI {version}" if version else landlock.missing())
    machine = platform.machine()
    filtered = machine in seccomp.MACHINES
    yield _found("system call filter", filtered, machine if filtered else f"there is none for {machine}")
    where = cgroup.places()
    for name, place, reason in (
        ("memory limit", where.memory, where.memory_reason),
        ("process limit", where.processes, where.processes_reason),
    ):
        detail = f"control groups, version {2 if where.unified else 1}"
        yield _found(name, place is not None, detail if place else f"per process only: {reason}")
    yield _disk()


def _found(name: str, ok: bool, detail: str, fix: str = "") -> Finding:
    return Finding("machine", name, ok, detail, fix="" if ok else fix)


def _git() -> Finding:
    path = shutil.which("git")
    if path is None:
        return _found("git", False, "git is not installed", "install git 2.34 or newer")
    result = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=10)
    return _found("git", result.returncode == 0, result.stdout.strip() or result.stderr.strip())


def _user_namespaces() -> Finding:
    """What the settings say; whether a box really starts is told by the kinds of box."""
    for path, (closed, fix) in _SYSCTLS.items():
        setting = Path(path)
        if setting.is_file() and setting.read_text().strip() == closed:
            return _found("user namespaces", False, f"closed by {setting.name} = {closed}", fix)
    if not Path("/proc/self/ns/user").exists():
        return _found("user namespaces", False, "the kernel has none")
    return _found("user namespaces", True, "no setting forbids them")


def _disk() -> Finding:
    try:
        root = cache_root()
        present = next(path for path in (root, *root.parents) if path.exists())
        free = shutil.disk_usage(present).free
    except (OSError, PatinaError) as error:
        return _found("disk", False, str(error), "set PATINA_CACHE_DIR to a directory that you can write")
    return _found("disk", free > _LOW_DISK, f"{free / (1 << 30):.1f} GiB free for {root}", "free some space")
