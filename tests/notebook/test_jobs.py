"""Jobs: results, errors, cancelling, interrupts while waiting."""

import asyncio
import signal
import threading
import time

import pytest

from patina_nb.errors import CommandFailed, Interrupted
from patina_nb.notebook.jobs import Job, JobCancelled, stop_all


def until_stopped(stop):
    assert stop.wait(30)
    return "stopped"


def interrupt_soon(times=1):
    """Send SIGINT to this process from a thread, as a kernel manager does."""

    def send():
        for _ in range(times):
            time.sleep(0.2)
            signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def test_result_exception_and_status():
    job = Job("adding", lambda _stop: 1 + 1)
    assert job.result(10) == 2
    assert (job.done, job.status, job.exception()) == (True, "finished", None)
    failed = Job("failing", lambda _stop: 1 / 0)
    assert isinstance(failed.exception(10), ZeroDivisionError)
    assert failed.status == "failed: division by zero"
    with pytest.raises(ZeroDivisionError):
        failed.result()


def test_cancel_returns_at_once_and_the_work_ends():
    job = Job("waiting", until_stopped)
    with pytest.raises(TimeoutError, match=r"not done after 0\.05 s"):
        job.result(0.05)
    assert job.status == "running"
    job.cancel()
    assert job.result(10) == "stopped"


def test_await_gives_the_result():
    async def main():
        return await Job("adding", lambda _stop: 3)

    assert asyncio.run(main()) == 3


def test_cancelling_an_await_stops_the_job_in_one_short_line():
    job = Job("waiting", until_stopped)

    async def main():
        task = asyncio.ensure_future(asyncio.wait_for(job, 30))
        await asyncio.sleep(0.1)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert job.result(10) == "stopped"
    assert JobCancelled("x was asked to stop.")._render_traceback_() == ["JobCancelled: x was asked to stop."]


def test_an_interrupt_stops_the_work_and_waits_for_its_end():
    job = Job("waiting", until_stopped)
    sender = interrupt_soon()
    with pytest.raises(Interrupted, match="had already finished"):
        job.follow(lambda: None)
    sender.join()
    assert job.done


def test_an_interrupt_tells_how_the_work_ended():
    def work(stop):
        stop.wait(30)
        raise CommandFailed("step 3 was stopped")

    sender = interrupt_soon()
    with pytest.raises(Interrupted, match="step 3 was stopped"):
        Job("waiting", work).result()
    sender.join()


def test_a_second_interrupt_stops_the_waiting():
    release = threading.Event()
    job = Job("deaf", lambda _stop: release.wait(30))
    sender = interrupt_soon(2)
    with pytest.raises(Interrupted, match="no longer waited for"):
        job.result()
    sender.join()
    release.set()
    assert job.result(10)


def test_interrupts_work_where_the_kernel_has_taken_the_signal_for_itself():
    seen = []
    previous = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        sender = interrupt_soon()
        with pytest.raises(Interrupted):
            Job("waiting", until_stopped).result()
        sender.join()
        assert signal.getsignal(signal.SIGINT)(0, None) is None
    finally:
        signal.signal(signal.SIGINT, previous)
    assert seen == [1]


def test_stop_all_ends_running_jobs():
    job = Job("waiting", until_stopped)
    stop_all()
    assert job.done


def test_a_job_shows_its_state_in_words():
    job = Job("adding", lambda _stop: 2)
    job.result(10)
    assert "<strong>Job adding</strong>: finished" in job._repr_mimebundle_()["text/html"]
    assert repr(job).startswith("<Job adding: finished")
