"""``%patina_init``: PROJECT_DESIGN.toml from a template."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.magic import magics_class

from patina_nb.presentation import display

from ..arguments import Words
from ..usage import COMMON, Option, Usage
from .base import Shown, TopicMagics, magic

if TYPE_CHECKING:
    from patina_nb.design import Proposal

INIT = Usage(
    "patina_init",
    "Write PROJECT_DESIGN.toml from a template; of an existing one show what it lacks.",
    options=(
        Option(("--agent",), "with workspaces for agents turned on"),
        Option(
            ("--language",), "default: by the files at the top of the repository", "NAME", names="language"
        ),
        Option(("--force",), "add to an existing file what it lacks; nothing in it is lost"),
        *COMMON[1:],
    ),
)


@magics_class
class InitMagics(TopicMagics):
    """The design file."""

    @magic("line", INIT)
    def patina_init(self, words: Words, _cell: str | None) -> Shown:
        from patina_nb.api import init

        proposal: Proposal = init(agent=words.agent, language=words.language, force=words.force)
        return Shown(proposal, display.proposal(proposal))
