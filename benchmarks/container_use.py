"""container-use as a baseline: its MCP server on standard input and output, driven as an agent drives it."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PROGRAM = "container-use"


class ContainerUse:
    """One ``container-use stdio`` for one repository, on the engine of the environment.

    Its home is below `home`; the settings of whoever runs the benchmark do not count.
    """

    def __init__(self, repository: Path, image: str, home: Path) -> None:
        self._source = os.fspath(repository)
        self._numbers = itertools.count(1)
        settings = repository / ".container-use" / "environment.json"
        settings.parent.mkdir()
        settings.write_text(json.dumps({"base_image": image, "workdir": "/workdir"}))
        home.mkdir()
        self._process = subprocess.Popen(
            [PROGRAM, "stdio"],
            cwd=repository,
            env={**os.environ, **_identity(), "HOME": os.fspath(home), **_command()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )

    def __enter__(self) -> Self:
        client = {"name": "benchmarks", "version": "1"}
        self._call("initialize", {"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": client})
        self._send({"method": "notifications/initialized"})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def create(self) -> str:
        """Make an environment; its id."""
        text = self._tool("environment_create", title="benchmark")
        made: dict[str, Any] = json.JSONDecoder().raw_decode(text[text.index("{") :])[0]
        return str(made["id"])

    def run(self, environment: str, command: str) -> str:
        """Run a command and commit what it changed; what it printed."""
        return self._tool("environment_run_cmd", environment_id=environment, command=command)

    def _tool(self, name: str, **arguments: str) -> str:
        words = {"environment_source": self._source, "explanation": "a benchmark", **arguments}
        result = self._call("tools/call", {"name": name, "arguments": words})
        text = "".join(part.get("text", "") for part in result["content"])
        if result.get("isError"):
            raise RuntimeError(f"{PROGRAM}: {name}: {text}")
        return text

    def _call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        self._send({"id": number, "method": method, "params": params})
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            if answer.get("id") == number and "method" not in answer:
                if "error" in answer:
                    raise RuntimeError(f"{PROGRAM}: {method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
        raise RuntimeError(f"{PROGRAM} ended with exit code {self._process.wait()}")

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")


def missing(image: str | None) -> str:
    """Why it cannot be measured here; "" = it can. `image`: the reference of what both begin with."""
    if shutil.which(PROGRAM) is None:
        return f"{PROGRAM}, which is not on the PATH"
    return "" if image else f"{PROGRAM}, which takes an image by its reference only"


def version() -> str:
    """What the program calls itself."""
    done = subprocess.run([PROGRAM, "version"], capture_output=True, text=True, check=True)
    return (done.stdout + done.stderr).split()[2]  # container-use version v0.4.2


def _command() -> dict[str, str]:
    """The same dagger command as ours, else it downloads one."""
    found = os.environ.get("_EXPERIMENTAL_DAGGER_CLI_BIN") or shutil.which("dagger")
    return {"_EXPERIMENTAL_DAGGER_CLI_BIN": found} if found else {}


def _identity() -> dict[str, str]:
    roles = ("AUTHOR", "COMMITTER")
    names = {f"GIT_{role}_NAME": "B" for role in roles}
    return {**names, **{f"GIT_{role}_EMAIL": "b@example.org" for role in roles}}
