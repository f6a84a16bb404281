"""``%patina_doctor``: what can run here, and what would fix the rest."""

from __future__ import annotations

from IPython.core.magic import magics_class

from patina_nb.presentation import display

from ..arguments import Words
from ..usage import COMMON, Usage
from .base import TopicMagics, magic

DOCTOR = Usage(
    "patina_doctor",
    "Which engines can run here, what they isolate, and what would fix the rest.",
    options=COMMON[1:],
)


@magics_class
class DoctorMagics(TopicMagics):
    """Diagnosis."""

    @magic("line", DOCTOR)
    def patina_doctor(self, _words: Words, _cell: str | None) -> object:
        from patina_nb.engines.select import survey

        return display.Listing(survey(), display.findings)
