"""``%%patina_pipeline``: a cell of Python with a connected Dagger client."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import magics_class, output_can_be_silenced

from patina_nb.errors import CommandFailed, Interrupted, UsageError
from patina_nb.presentation import html

from ..arguments import Words
from ..config import PatinaMagics
from ..dagger_cell import CellCode, Names, copy_back
from ..dagger_source import Source, find_source
from ..show import Display
from ..usage import COMMON, LONG, Usage
from .base import Ended, Shown, TopicMagics, magic

if TYPE_CHECKING:
    import dagger

    from patina_nb.engines.dagger.telemetry import Watch

    from ..dagger_output import Transcript
    from ..live import LiveOutput

PIPELINE = Usage(
    "patina_pipeline",
    "Run Python with a Dagger engine: `dag` is a connected client, `src` the files of the session's branch, "
    "`ws` its workspace if that is open.",
    options=(*LONG, *COMMON),
    body="Python; await works at the top, the value of the last expression is returned",
    line=False,
)


@magics_class
class DaggerMagics(TopicMagics):
    """Pipelines of the user's own."""

    def __init__(self, shell: InteractiveShell, settings: PatinaMagics, shows: Display) -> None:
        super().__init__(shell, settings, shows)
        self._names = Names(shell.user_ns)

    @output_can_be_silenced
    @magic("cell", PIPELINE)
    def patina_pipeline(self, words: Words, cell: str | None) -> Shown:
        if not (cell and cell.strip()):
            raise UsageError("%patina_pipeline: there is no pipeline: write Python below %%patina_pipeline.")
        code = CellCode(self.shell, cell)
        source = find_source(words.session)

        def work(cancel: threading.Event, live: LiveOutput) -> Ended[object]:
            return self._run(code, source, words, cancel, live)

        return self.long(words, "pipeline", work)

    def _run(
        self, code: CellCode, source: Source, words: Words, cancel: threading.Event, live: LiveOutput
    ) -> Ended[object]:
        from patina_nb.engines.dagger import pipeline, telemetry

        from ..dagger_output import Transcript

        live.where = "connecting to the engine"
        connection = source.connection()
        output = Transcript(live.feed)
        value, error = None, None
        with telemetry.shared().watch(output.take) as watch:
            output.progress = watch.progress
            try:
                value = pipeline.run(
                    self._work(code, source, private=words.background),
                    connection,
                    watch,
                    cancel,
                    on_tick=functools.partial(_tell, live, watch),
                )
            except BaseException as caught:  # noqa: BLE001 - whatever it is, the summary comes first
                error = caught
        facts = [("source", source.said), ("engine", f"Dagger {connection.engine_version}"), *_notes(value)]
        return self._ended(code, words, output, facts, value, error)

    def _ended(
        self,
        code: CellCode,
        words: Words,
        output: Transcript,
        facts: Sequence[tuple[str, str | None]],
        value: object,
        error: BaseException | None,
    ) -> Ended[object]:
        from ..dagger_errors import explain

        lines = self.settings.output_lines
        state = "finished" if error is None else "was stopped" if isinstance(error, Interrupted) else "failed"
        shown = None
        if error is not None:
            error, shown = explain(error, code, lines)
        if isinstance(error, CommandFailed) and (words.no_raise_error or not self.settings.raise_error):
            error = None
        return Ended(value, html.stack(output.summary(state, facts), output.piece(lines), shown), error)

    def _work(
        self, code: CellCode, source: Source, *, private: bool
    ) -> Callable[[dagger.Client], Awaitable[object]]:
        async def work(client: dagger.Client) -> object:
            given: dict[str, object] = {
                "dag": client,
                "src": source.directory(client),
                "ws": source.workspace,
            }
            if private:
                return await self._run_in_copy(code, given)
            hidden = self._names.give(given)
            try:
                return await code.run(self.shell.user_ns)
            finally:
                self._names.put_back(hidden)

        return work

    async def _run_in_copy(self, code: CellCode, given: dict[str, object]) -> object:
        """In the background: other cells must not see its names change, nor it theirs."""
        before = {**self.shell.user_ns, **given}
        namespace = dict(before)
        try:
            return await code.run(namespace)
        finally:
            copy_back(self.shell.user_ns, before, namespace)


def _tell(live: LiveOutput, watch: Watch) -> None:
    live.where = watch.progress.line() or "no command yet"


def _notes(value: Any) -> list[tuple[str, str | None]]:  # noqa: ANN401 - whatever the cell ends with
    if not inspect.iscoroutine(value):
        return []
    return [("note", "the last value was not awaited, so nothing of it ran: write await before it")]
