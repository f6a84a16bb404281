"""What a Dagger engine tells while it works: output of commands, what is pulled, uploaded, run or cached.

The Dagger CLI sends OpenTelemetry to a receiver of ours (`receiver`). Each piece of work has a trace id of
its own (`watch`); what belongs to none is dropped at once.

    on_connect(variables)                        # the CLI of each new connection sends to `shared`
    with shared().watch(on_output) as watch, watch.attached():
        ...                                      # requests of Dagger's client
        watch.progress.line()                    # "running apt-get update (3 s); 2 from the cache"
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache

from patina_nb.engines.dagger.telemetry.messages import records, spans
from patina_nb.engines.dagger.telemetry.progress import Exec, Progress, label
from patina_nb.engines.dagger.telemetry.receiver import Receiver
from patina_nb.engines.dagger.telemetry.reporting import telling
from patina_nb.engines.dagger.telemetry.watch import OnOutput, Watch
from patina_nb.engines.progress import listener

__all__ = ["Exec", "OnOutput", "Progress", "Telemetry", "Watch", "label", "reported", "shared", "variables"]


class Telemetry:
    """A receiver for one Dagger CLI, and who listens to it."""

    def __init__(self) -> None:
        self._watches: dict[str, Watch] = {}
        self._receiver = Receiver(self._take_spans, self._take_records)

    def environment(self) -> dict[str, str]:
        """What to add to the environment of ``dagger session``; nowhere else, others would send here too."""
        return self._receiver.environment()

    @contextmanager
    def watch(self, on_output: OnOutput | None = None) -> Iterator[Watch]:
        """Listen to one piece of work, within the block. `on_output` is called from other threads."""
        watch = Watch(on_output)
        self._watches[watch.trace_id] = watch
        try:
            yield watch
        finally:
            del self._watches[watch.trace_id]

    def close(self) -> None:
        """Stop listening."""
        self._receiver.close()

    def _take_spans(self, body: bytes) -> None:
        for span in spans(body):
            if watch := self._watches.get(span.trace_id):
                watch.take_span(span)

    def _take_records(self, body: bytes) -> None:
        for record in records(body):
            if watch := self._watches.get(record.trace_id):
                watch.take_record(record)


@cache
def shared() -> Telemetry:
    """The one receiver of this process, for all its connections."""
    return Telemetry()


def variables(_runner: object = None) -> dict[str, str]:
    """The variables that make a Dagger CLI send to `shared`; for `connections.on_connect`."""
    return shared().environment()


def reported() -> AbstractContextManager[None]:
    """Within it what this thread asks of an engine is told to whoever listens (`engines.progress`)."""
    tell = listener()
    return telling(shared().watch(), tell) if tell else nullcontext()


os.register_at_fork(after_in_child=shared.cache_clear)  # the receiver's thread stays with the parent
