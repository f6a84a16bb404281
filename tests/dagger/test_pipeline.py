"""Pipelines and progress without a notebook, against a real engine."""

from __future__ import annotations

import asyncio
import threading
import uuid

import pytest

from patina_nb.engines import progress
from patina_nb.engines.dagger import pipeline, telemetry
from patina_nb.engines.dagger.connections import connect, on_connect
from tests.dagger.live import needs_engine, rootfs

pytestmark = needs_engine


@pytest.fixture
def connection():
    on_connect(telemetry.variables)
    return connect()


def base(client):
    return client.container().with_rootfs(client.host().directory(str(rootfs())))


def run(work, connection, cancel=None):
    """What the work gave, its commands, and its output as (command, stream, text)."""
    heard = []
    with telemetry.shared().watch(lambda command, *rest: heard.append((command.label, *rest))) as watch:
        value = pipeline.run(work, connection, watch, cancel or threading.Event())
    return value, watch.progress.execs(), heard


def test_a_command_is_from_the_cache_on_the_next_connection():
    mark = uuid.uuid4().hex

    async def work(client):
        return await base(client).with_exec(["echo", mark]).stdout()

    on_connect(telemetry.variables)
    states = []
    for _ in range(2):
        connection = connect()
        value, execs, heard = run(work, connection)
        connection.close()
        assert value == f"{mark}\n"
        states.append([one.state for one in execs])
    assert states == [["done"], ["cached"]]
    assert heard == []  # nothing was run the second time


def test_both_streams_come_whole_and_in_order(connection):
    script = f"for i in $(seq 2000); do echo out $i; echo err $i >&2; done # {uuid.uuid4().hex}"

    async def work(client):
        await base(client).with_exec(["sh", "-c", script]).sync()

    _, [command], heard = run(work, connection)
    assert command.state == "done"
    for stream, word in (("stdout", "out"), ("stderr", "err")):
        text = "".join(said for _, name, said in heard if name == stream)
        assert text == "".join(f"{word} {number}\n" for number in range(1, 2001))


def test_invalid_utf8_does_not_break_it(connection):
    script = f"printf 'a\\377b\\n'; echo after; echo {uuid.uuid4().hex}"

    async def work(client):
        return await base(client).with_exec(["sh", "-c", script]).stdout()

    value, [command], _ = run(work, connection)
    assert "after" in value
    assert command.state == "done"


def test_pipelines_in_parallel_hear_their_own_output_only(connection):
    results = {}

    def one(name):
        async def work(client):
            script = f"for i in 1 2 3; do echo {name}; sleep 0.2; done # {uuid.uuid4().hex}"
            return await base(client).with_exec(["sh", "-c", script]).stdout()

        results[name] = run(work, connection)

    threads = [threading.Thread(target=one, args=(f"name-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(results) == 4
    for name, (value, execs, heard) in results.items():
        assert value == f"{name}\n" * 3
        assert len(execs) == 1
        assert "".join(text for *_, text in heard) == value


def test_objects_of_a_pipeline_can_be_awaited_in_any_loop(connection):
    async def work(client):
        return base(client)

    made, _, _ = run(work, connection)
    for _ in range(2):
        assert asyncio.run(made.with_exec(["echo", uuid.uuid4().hex]).stdout())


def test_a_failing_command_raises_what_daggers_client_raises(connection):
    import dagger

    async def work(client):
        await base(client).with_exec(["sh", "-c", f"echo why >&2; exit 3 # {uuid.uuid4().hex}"]).sync()

    with pytest.raises(dagger.ExecError) as caught:
        run(work, connection)
    assert (caught.value.exit_code, caught.value.stderr) == (3, "why")


def test_a_service_is_told_apart_from_its_client(connection):
    mark = uuid.uuid4().hex

    async def work(client):
        small = base(client).with_env_variable("MARK", mark)
        serve = ["sh", "-c", "echo serving; exec python3 -m http.server 8000"]
        service = small.with_exposed_port(8000).as_service(args=serve)
        fetch = "import urllib.request; print(urllib.request.urlopen('http://web:8000').status)"
        return await small.with_service_binding("web", service).with_exec(["python3", "-c", fetch]).stdout()

    value, execs, heard = run(work, connection)
    assert value == "200\n"
    assert [one.service for one in execs].count(True) == 1
    assert any("serving" in text and "http.server" in label for label, _, text in heard)


def test_whoever_waits_is_told_what_goes_on(connection):
    told = []
    script = f"sleep 5 # {uuid.uuid4().hex}"

    async def work():
        await base(connection.client).with_exec(["sh", "-c", script]).sync()

    with progress.told_to(told.append), telemetry.reported():
        connection.run(work)
    assert any(line.startswith(f"running {script}") for line in told), told
    assert all(len(line) < 300 for line in told)
    before = len(told)
    with telemetry.reported():  # nobody listens
        connection.run(connection.client.version)
    assert len(told) == before
