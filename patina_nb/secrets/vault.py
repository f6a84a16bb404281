"""The values that commands of a session were given, in the memory of this process and nowhere else."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping

from patina_nb.secrets.mask import Mask
from patina_nb.secrets.patterns import Patterns

_vaults: dict[tuple[str, str], Vault] = {}
_guard = threading.Lock()
_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # lone surrogates that surrogateescape does not make


class Vault:
    """Every value that was ever given, also earlier values of a secret that was changed. Thread-safe."""

    def __init__(self) -> None:
        self._values: set[tuple[str, bytes]] = set()
        self._lock = threading.Lock()
        self.patterns = Patterns()

    @property
    def names(self) -> frozenset[str]:
        """The secrets whose values are known."""
        return frozenset(name for name, _ in self._values)

    def remember(self, values: Mapping[str, bytes]) -> None:
        """From now on these values are masked and looked for, too."""
        with self._lock:
            if not self._values.issuperset(values.items()):
                self._values |= values.items()
                self.patterns = Patterns(self._values)

    def mask(self) -> Mask:
        """For one stream."""
        return Mask(lambda: self.patterns)

    def clear(self, data: bytes) -> bytes:
        """The whole of something, masked."""
        mask = self.mask()
        return mask.feed(data) + mask.flush()

    def hide(self, text: str) -> str:
        """A text, masked; the same object where there is nothing to mask."""
        if not self.patterns:
            return text
        data = _NO_BYTE.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode("utf-8", "surrogateescape")
        if not self.patterns.names_in(data):
            return text
        return self.clear(data).decode("utf-8", "surrogateescape")


def hide_all(text: str) -> str:
    """A text without any value that this process has given to a command of whatever session."""
    with _guard:
        vaults = list(_vaults.values())
    for vault in vaults:
        text = vault.hide(text)
    return text


def vault_of(project_id: str, session_id: str) -> Vault:
    """The vault of a session: one for as long as this process lives, whatever is opened and closed."""
    with _guard:
        return _vaults.setdefault((project_id, session_id), Vault())
