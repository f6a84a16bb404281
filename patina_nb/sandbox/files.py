"""Files of the box, read and written by commands inside it: no link in there ever leads the host anywhere."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from patina_nb.errors import WorkspaceError
from patina_nb.sandbox.plumbing import Reply

Ask = Callable[[Sequence[str], bytes], Reply]
"""Runs a command with this stdin."""

_MISSING, _NOT_A_FILE = 73, 74

_READ = f"""
[ -f "$1" ] && exec cat <"$1"
[ -e "$1" ] || [ -L "$1" ] || exit {_MISSING}
exit {_NOT_A_FILE}
"""

# $1 path, $2 name of the temporary file, $3 mode. A link is followed, as `>` would; the new content appears
# under its name in one step. The echoed dot keeps newlines that $(...) would strip from the end of a name.
_WRITE = f"""
set -e
path=$1
if [ -L "$path" ]; then
    path=$(readlink -f -- "$path" && echo .)
    path=${{path%??}}
fi
if [ -e "$path" ] && ! [ -f "$path" ]; then exit {_NOT_A_FILE}; fi
case $path in
*/*) folder=${{path%/*}}/ ;;
*) folder=./ path=./$path ;;
esac
[ -d "$folder" ] || mkdir -p -- "$folder"
trap 'rm -f -- "$folder$2"' EXIT
cat >"$folder$2"
chmod "$3" "$folder$2"
mv -f -- "$folder$2" "$path"
trap - EXIT
"""


def read(ask: Ask, path: str) -> bytes:
    """The content of a file; raises WorkspaceError when there is none or it cannot be read."""
    answer = ask(["sh", "-c", _READ, "sh", _checked(path)], b"")
    _raise(answer, path, "read")
    return answer.data


def write(ask: Ask, path: str, data: bytes, mode: int) -> None:
    """Replace the content of a file in one step; raises WorkspaceError when that is not possible."""
    if path.endswith("/") or not 0 <= mode <= 0o777:
        raise WorkspaceError(f"cannot write {path!r} with mode {mode:o}: name a file and a mode up to 777")
    temporary = f".patina-{secrets.token_hex(8)}"
    answer = ask(["sh", "-c", _WRITE, "sh", _checked(path), temporary, f"{mode:o}"], data)
    _raise(answer, path, "write")


def _checked(path: str) -> str:
    if not path or "\0" in path:
        raise WorkspaceError(f"{path!r} names no file")
    return path


def _raise(answer: Reply, path: str, action: str) -> None:
    if answer.exit_code == _MISSING:
        raise WorkspaceError(f"cannot {action} {path!r}: there is no such file in the workspace")
    if answer.exit_code == _NOT_A_FILE:
        raise WorkspaceError(f"cannot {action} {path!r}: it is not a regular file")
    if answer.exit_code != 0:
        raise WorkspaceError(f"cannot {action} {path!r}: {answer.last_line()}")
