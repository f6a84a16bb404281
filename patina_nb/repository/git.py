"""How git is run on the host: without any setting that could run a program or change an answer.

The environment is made from scratch, system and global configuration are off, and what the repository's own
configuration could start (hooks, fsmonitor, signing, transports) is overridden. An agent never writes to a
git directory that is used here.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from patina_nb.errors import RepositoryError

MINIMUM = (2, 34)
NO_REPLY = "no-reply@patina.invalid"

_FIXED = {
    "LC_ALL": "C",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_AUTHOR_NAME": "patina-nb",
    "GIT_AUTHOR_EMAIL": NO_REPLY,
    "GIT_COMMITTER_NAME": "patina-nb",
    "GIT_COMMITTER_EMAIL": NO_REPLY,
}
_CONFIG = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.attributesFile": os.devnull,
    "core.safecrlf": "false",  # a setting that makes git refuse files
    "core.splitIndex": "false",
    "core.untrackedCache": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "safe.directory": "*",
    "protocol.allow": "never",
    "commit.gpgSign": "false",
    "log.showSignature": "false",
    "i18n.commitEncoding": "UTF-8",
    "i18n.logOutputEncoding": "UTF-8",
    "color.ui": "false",
    "advice.detachedHead": "false",
}


class GitFailedError(RepositoryError):
    """A git command ended with an exit code that was not expected; `reason` is what git said."""

    def __init__(self, command: str, code: int, reason: str) -> None:
        super().__init__(f"git {command} failed: {reason or f'exit code {code}'}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Git:
    """A git directory of the user, and the one way to run git on it."""

    common_dir: Path  # absolute, resolved: shared by all worktrees
    worktree: Path | None = None  # top of the user's worktree that we were found from
    worktree_git_dir: Path | None = None  # its own git directory, when it is a linked worktree

    @property
    def head_dir(self) -> Path:
        """The git directory whose HEAD and index belong to `worktree`."""
        return self.worktree_git_dir or self.common_dir

    def git(
        self,
        *args: str | bytes,
        stdin: bytes | IO[bytes] | None = None,
        git_dir: Path | None = None,
        env: Mapping[str, str] | None = None,
        config: Mapping[str, str] | None = None,
        ok: Collection[int] = (0,),
        timeout: float = 60,
        memory: int | None = None,
    ) -> bytes:
        """Standard output of ``git *args``, run on `git_dir` (default: the common one).

        Args:
            env: on top of the hardened environment; an empty value takes a variable away. Git runs in
                ``GIT_WORK_TREE``, which is the git directory unless it is given here.
            config: further settings for this call.
            timeout: seconds.
            memory: bytes that git may allocate; for input that an agent made.

        Raises:
            GitFailedError: another exit code than those in `ok`.
            RepositoryError: no git, or the time was over.
        """
        where = git_dir or self.common_dir
        places = {"GIT_DIR": str(where), "GIT_WORK_TREE": str(where), **(env or {})}
        code, out, err = run_git(
            args, Path(places["GIT_WORK_TREE"]), places, config or {}, stdin, timeout, memory
        )
        if code not in ok:
            raise GitFailedError(os.fsdecode(args[0]), code, last_words(err))
        return out


def run_git(
    args: Collection[str | bytes],
    cwd: Path,
    env: Mapping[str, str],
    config: Mapping[str, str],
    stdin: bytes | IO[bytes] | None,
    timeout: float,
    memory: int | None = None,
) -> tuple[int, bytes, bytes]:
    """Exit code, stdout and stderr of a hardened git. `Git.git` is the form for everyday use."""
    data, source = (stdin, subprocess.PIPE) if isinstance(stdin, bytes) else (None, stdin)
    with start_git(args, cwd, env, config, source, memory) as process:
        try:
            out, err = process.communicate(data, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            stop_git(process)
            said = os.fsdecode(next(iter(args)))
            raise RepositoryError(f"git {said} did not end in {timeout:g} s.") from error
        except KeyboardInterrupt:  # let it come to its end: killed, it would leave a lock file behind
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=10)
            stop_git(process)
            raise
    return process.returncode, out, err


def start_git(
    args: Collection[str | bytes],
    cwd: Path,
    env: Mapping[str, str],
    config: Mapping[str, str],
    stdin: int | IO[bytes] | None,
    memory: int | None = None,
    stderr: int | IO[bytes] = subprocess.PIPE,
) -> subprocess.Popen[bytes]:
    """A hardened git whose output comes through a pipe; no `stdin` = nothing to read."""
    binary = git_binary(os.environ.get("PATH", os.defpath))
    try:
        process = subprocess.Popen(
            [binary, *args],
            cwd=cwd,
            env=_environment(env, config),
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C in a terminal or a kernel must not kill it half-way
        )
    except (OSError, ValueError) as error:
        raise RepositoryError(f"git could not be started in {cwd}: {error}.") from error
    if memory is not None:
        _limit_memory(process.pid, memory)
    return process


@cache
def git_binary(path: str) -> str:
    """The git to run, looked for in `path`; raises RepositoryError when it is missing or too old."""
    binary = shutil.which("git", path=path)
    if binary is None:
        raise RepositoryError("git was not found: install it (for example: apt install git) and try again.")
    said = subprocess.run(
        [binary, "version"], capture_output=True, check=False, stdin=subprocess.DEVNULL
    ).stdout
    found = re.search(rb"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < MINIMUM:
        need = ".".join(map(str, MINIMUM))
        raise RepositoryError(
            f"{binary} is too old or no git ({said.decode(errors='replace').strip()}): "
            f"version {need} or later is needed."
        )
    return binary


def is_sha(text: str) -> bool:
    """A whole object id (SHA-1 or SHA-256), in lower case."""
    return re.fullmatch("[0-9a-f]{40}([0-9a-f]{24})?", text) is not None


def last_words(err: bytes) -> str:
    """What git complained about: its lines that begin like an error, else the last line."""
    lines = [line for line in err.decode("utf-8", "replace").splitlines() if line.strip()]
    errors = [line[7:] for line in lines if line.startswith(("fatal: ", "error: "))]
    return "; ".join(errors or lines[-1:])[:400]


def _environment(extra: Mapping[str, str], config: Mapping[str, str]) -> dict[str, str]:
    env = {"PATH": os.environ.get("PATH", os.defpath), **_FIXED, **extra}
    settings = {**_CONFIG, **config}
    env["GIT_CONFIG_COUNT"] = str(len(settings))
    for number, (key, value) in enumerate(settings.items()):
        env[f"GIT_CONFIG_KEY_{number}"] = key
        env[f"GIT_CONFIG_VALUE_{number}"] = value
    return {key: value for key, value in env.items() if value or key not in extra}


def _limit_memory(pid: int, size: int) -> None:
    import resource

    if hasattr(resource, "prlimit"):  # Linux; elsewhere the size limits of the input have to do
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_DATA, (size, size))


def stop_git(process: subprocess.Popen[bytes]) -> None:
    """End git with SIGTERM, on which it removes its lock files; SIGKILL only if that does not help."""
    if process.poll() is not None:
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
