"""A connection to a Dagger engine: a ``dagger session`` process, and a client of it.

The client's coroutines run in the one event loop of this process (`loop`). A connection does not heal: when
its engine has gone, `alive` is false (see `connections`).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

from patina_nb.engines.dagger import command, loop, runners, schema
from patina_nb.engines.dagger.failures import (
    EngineFailedError,
    EngineGoneError,
    EngineSlowError,
    is_gone,
    words,
)
from patina_nb.engines.dagger.runners import Runner
from patina_nb.errors import EngineUnavailableError

if TYPE_CHECKING:
    import dagger
    from dagger.client._session import SingleConnection
    from gql import Client as GraphQLClient
    from graphql import GraphQLSchema

T = TypeVar("T")
QUERY_S = 60.0
_DIAL_S = 5.0
_PING_S = 20.0  # whoever is slower is given up, with every box of the connection
_CLOSE_S = 5.0


class Connection:
    """To one engine; made by `connections.connect`. Methods may be called from any thread but the loop's.

    `environment`: more variables for the command, asked for when it is started.
    """

    def __init__(
        self, runner: Runner, timeout: float, environment: Callable[[], Mapping[str, str]] = dict
    ) -> None:
        self.runner = runner
        self._environment = environment
        self.began = time.time()
        self._owner = os.getpid()
        self._broken: str | None = None
        self._closing = threading.Lock()
        self._process: command.SessionProcess | None = None
        self._session: SingleConnection | None = None
        try:
            self._connect(timeout)
        except BaseException:
            self.close()
            raise

    @property
    def client(self) -> dagger.Client:
        """The client; its coroutines belong into `run`."""
        return self._client

    @property
    def engine_version(self) -> str:
        """Of the engine, for example ``v0.21.8``."""
        return self._engine_version

    @property
    def alive(self) -> bool:
        """False once the connection was closed, its command ended, or its engine was found gone."""
        return self._broken is None and (self._process is None or self._process.alive)

    def run(self, work: Callable[[], Awaitable[T]], timeout: float | None = None) -> T:
        """Call `work` in the loop's thread and wait for what it returns.

        An interrupt cancels the work (and the execs in it) first. Raises EngineGoneError (the engine or the
        connection ended), EngineSlowError (after `timeout` seconds), else whatever `work` raises.
        """
        self._check()
        try:
            return loop.run(work, timeout)
        except TimeoutError as error:
            raise EngineSlowError(f"the Dagger engine did not answer within {timeout:g} s") from error
        except Exception as error:
            if not is_gone(error):
                raise
            self._lose(words(error))
            raise EngineGoneError(f"the Dagger engine has gone: {self._broken}") from error

    def query(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = QUERY_S,
        traceparent: str | None = None,
    ) -> dict[str, Any]:
        """The ``data`` of a raw GraphQL query; `traceparent` is sent along, and all its telemetry carries it.

        Raises EngineFailedError with the engine's message, or as `run` does.
        """
        headers = {"traceparent": traceparent} if traceparent else {}

        async def post() -> dict[str, Any]:
            body = {"query": document, "variables": dict(variables or {})}
            response = await self._http.post(self._url, json=body, headers=headers)
            if response.is_server_error:  # 502: the command still runs, its engine does not
                response.raise_for_status()
            answer: dict[str, Any] = response.json()
            return answer

        answer = self.run(post, timeout)
        for error in answer.get("errors") or ():
            message = str(error.get("message", error))
            if "shutting down" in message:
                self._lose(message)
                raise EngineGoneError(f"the Dagger engine has gone: {message}")
            raise EngineFailedError(message)
        data: dict[str, Any] = answer.get("data") or {}
        return data

    def ping(self) -> bool:
        """Does the engine still answer?"""
        if not self.alive:
            return False
        try:
            self.query("{ version }", timeout=_PING_S)
        except (EngineGoneError, EngineSlowError, EngineFailedError) as error:
            self._lose(str(error))
        return self.alive

    def close(self) -> None:
        """End the connection and its command; a second call does nothing."""
        with self._closing:
            process, self._process = self._process, None
            session, self._session = self._session, None
            self._broken = self._broken or "the connection was closed"
        if self._owner != os.getpid():  # a fork of our process holds a copy of us
            if process is not None:
                process.abandon()
            return
        if session is not None:
            with suppress(Exception):  # whatever state it is in: the command ends, and with it the session
                loop.run(lambda: self._hang_up(session), _CLOSE_S)
        if process is not None:
            process.end()

    def forget(self) -> None:
        """In a child of a fork: let go of this copy; its lock may be held by a thread that is not here."""
        self._closing = threading.Lock()
        self.close()

    def __repr__(self) -> str:
        return f"<Connection to {self.runner}: {self._broken or self._engine_version}>"

    def _lose(self, why: str) -> None:
        """The engine has gone. Its command would stay, and an engine that is being stopped wait for it."""
        self._broken = self._broken or why
        process = self._process
        if process is not None:
            process.kill()

    async def _hang_up(self, session: SingleConnection) -> None:
        await session.close()
        await self._http.aclose()

    def _check(self) -> None:
        if self._owner != os.getpid():
            raise EngineGoneError("this connection belongs to the process that this one was forked from")
        if not self.alive:
            raise EngineGoneError(f"the Dagger engine has gone: {self._broken or 'the dagger command ended'}")

    def _connect(self, timeout: float) -> None:
        known = self._greet(timeout)
        if known is None:
            answer = self._asked(schema.question(), timeout)
            known = schema.keep(self._engine_version, answer)
            if self._process is not None:  # see `schema`: this session has to end
                self._process.end()
                self._greet(timeout)
        self._open_client(known, timeout)

    def _greet(self, timeout: float) -> GraphQLSchema | None:
        """Reach an engine of a version that fits; returns its schema, if we have that."""
        import httpx

        port, token = self._start(timeout)
        self._address = (port, token)
        self._url = f"http://127.0.0.1:{port}/query"

        async def client() -> httpx.AsyncClient:
            patience = httpx.Timeout(None, connect=_DIAL_S)
            return httpx.AsyncClient(auth=(token, ""), timeout=patience, trust_env=False)

        self._http = loop.run(client, timeout)
        self._engine_version = str(self._asked("{ version }", timeout).get("version"))
        self._check_version()
        return schema.known(self._engine_version)

    def _asked(self, document: str, timeout: float) -> dict[str, Any]:
        try:
            return self.query(document, timeout=timeout)
        except (EngineGoneError, EngineSlowError, EngineFailedError) as error:
            raise EngineUnavailableError(f"{self.runner} cannot be used: {error}") from error

    def _start(self, timeout: float) -> tuple[int, str]:
        """(port, token) of a session: that of ``dagger run`` around us, else of a command of our own."""
        port, token = os.environ.get("DAGGER_SESSION_PORT"), os.environ.get("DAGGER_SESSION_TOKEN")
        if port and token and port.isdigit():
            return int(port), token
        program = command.find()
        reason = runners.unreachable(self.runner)
        if reason is not None:
            raise EngineUnavailableError(f"{reason}{_how_to_start(self.runner)}")
        self._process = command.SessionProcess(program, self.runner, dict(self._environment()))
        return self._process.parameters(timeout)

    def _open_client(self, known: GraphQLSchema, timeout: float) -> None:
        import dagger
        from dagger.client._config import ConnectConfig, Timeout
        from dagger.client._session import ConnectParams, SingleConnection

        port, token = self._address
        session = SingleConnection(
            ConnectParams(port=port, session_token=token),
            ConnectConfig(retry=None, timeout=Timeout(None, connect=_DIAL_S)),
        )
        cast("GraphQLClient", session.session.client).schema = known
        loop.run(session.connect, timeout)
        self._session = session
        self._client: dagger.Client = dagger.Client.from_connection(session)

    def _check_version(self) -> None:
        numbers = tuple(
            int(part) for part in self._engine_version.lstrip("v").split("-")[0].split(".") if part.isdigit()
        )
        if not command.fits(numbers):
            raise EngineUnavailableError(
                f"the engine at {self.runner} is {self._engine_version}, needed is {command.wanted()}: start "
                "an engine of that version"
            )


def _how_to_start(runner: Runner) -> str:
    if runner.address is None:
        return f"; install Docker, or name a running engine in {runners.VARIABLE}"
    return f"; start the engine, or name another one in {runners.VARIABLE}"
