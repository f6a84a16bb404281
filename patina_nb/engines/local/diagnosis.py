"""From what a failed attempt printed to a reason and its fix, both in words."""

from __future__ import annotations

# (what stderr contains, what it means, what changes it)
_KNOWN = (
    (
        "setting up uid map: Permission denied",
        "AppArmor forbids user namespaces to this program",
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    (
        "RTM_NEWADDR",
        "AppArmor forbids a network namespace to this program",
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    (
        "No permissions to creat",
        "this machine or container forbids user namespaces",
        "sudo sysctl -w kernel.unprivileged_userns_clone=1 (container: seccomp=unconfined)",
    ),
    ("ENOSPC", "no more user namespaces are allowed", "sudo sysctl -w user.max_user_namespaces=10000"),
    ("kernel does not support user namespaces", "the kernel has no user namespaces", ""),
    (
        "overlay mount",
        "the cache directory's file system cannot hold an overlay",
        "set PATINA_CACHE_DIR to a directory on a volume or a tmpfs",
    ),
    (
        "Can't mount proc",
        "this container hides parts of /proc",
        "run it with --security-opt systempaths=unconfined",
    ),
)


def explain(stderr: str) -> tuple[str, str]:
    """(reason, fix); the reason always ends with the last line that was printed."""
    lines = [line for line in stderr.strip().splitlines() if line.strip()]
    last = lines[-1].strip()[-300:] if lines else "it ended without a word"
    for sign, meaning, fix in _KNOWN:
        if sign in stderr:
            return f"{meaning} ({last})", fix
    return last, ""
