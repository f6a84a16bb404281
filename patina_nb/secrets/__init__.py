"""Secrets of a session: where their values come from, and how these are kept out of what is shown and kept.

A value is looked up on the host at the moment a command asks for it (`source`), and remembered in memory for
as long as this process lives (`vault`). From then on it is masked in every output (`mask`) and looked for in
every commit that comes out of a workspace (`patterns`, used by `repository.leaks`).
"""

from __future__ import annotations

from patina_nb.secrets.mask import MASK, Mask
from patina_nb.secrets.patterns import Patterns
from patina_nb.secrets.source import resolve
from patina_nb.secrets.vault import Vault, hide_all, vault_of

__all__ = ["MASK", "Mask", "Patterns", "Vault", "hide_all", "resolve", "vault_of"]
