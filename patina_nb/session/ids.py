"""Session ids: given and checked, or made from a goal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import chain, count
from time import time

from patina_nb.errors import SessionError
from patina_nb.events import SESSION_ID

SLUG_LENGTH = 48  # room for a number behind it
_LETTERS = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i"}
)


def check_id(text: str, *, where: str = "") -> str:
    """The id itself; raises SessionError when it is none. `where` says where it came from."""
    if re.fullmatch(SESSION_ID, text):
        return text
    raise SessionError(
        f"{text[:80]!r}{where and f' ({where})'} is not a session id: use 1 to 64 lower-case letters a-z, "
        "digits and hyphens, not beginning or ending with a hyphen."
    )


def slug(goal: str) -> str:
    """A goal as the beginning of an id, cut between words; empty when it holds no Latin letter or digit."""
    plain = unicodedata.normalize("NFKD", goal[:1000].casefold().translate(_LETTERS))
    letters = "".join(char for char in plain if not unicodedata.combining(char))
    words = re.sub("[^a-z0-9]+", "-", letters).strip("-")
    if len(words) <= SLUG_LENGTH:
        return words
    return words[: SLUG_LENGTH + 1].rsplit("-", 1)[0][:SLUG_LENGTH]


def candidates(goal: str | None) -> Iterator[str]:
    """Ids to try one after the other: the goal's slug (else ``agent-<unix time>``), then with -2, -3, ..."""
    first = slug(goal or "") or f"agent-{int(time())}"
    return chain([first], (f"{first}-{number}" for number in count(2)))
