"""In a real kernel: live output, interrupts, background work, cell ids, what a saved notebook holds."""

import time

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

LOOP = "for i in $(seq 8); do echo line $i; sleep 0.2; done"
SLEEP = "%%patina_run\necho begun > begun.txt; echo begun; sleep 60"


def interrupt_when(kernel, request, text, times=1):
    """Interrupt as soon as an output holds `text`; all outputs of the request."""
    seen = kernel.outputs(request, until=lambda shown: text in shown.text)
    for _ in range(times):
        kernel.manager.interrupt_kernel()
        time.sleep(0.5)
    return seen + kernel.outputs(request)


def test_output_is_live_and_ends_as_one_summary(kernel):
    outputs = kernel.run(f"%%patina_run\n{LOOP}\ntouch new", cellId="cell-7")
    assert [shown.kind for shown in outputs][:2] == ["display_data", "update_display_data"]
    assert {shown.display_id for shown in outputs} == {outputs[0].display_id}
    assert all(shown.own for shown in outputs)
    assert 3 <= len(outputs) <= 16  # about four a second
    assert outputs[0].text.startswith("Running: for i in")
    assert "Step 1 finished" in outputs[-1].text
    assert "line 8" in outputs[-1].text
    [log] = kernel.run("%patina_log")
    assert "for i in" in log.text
    [cell] = kernel.run("_[0].cell")
    assert cell.text == "'cell-7'"


def test_short_commands_show_the_summary_at_once_and_objects_once(kernel):
    [shown] = kernel.run("%patina_run echo hi")
    assert (shown.kind, "Step 1 finished" in shown.text) == ("display_data", True)
    [number] = kernel.run("_.number")
    assert number.text == "1"
    assert kernel.run("%patina_run -q echo hi") == []
    assert kernel.run("%patina_session show;") == []
    [shown] = kernel.run("x = %patina_session show\nx")
    assert shown.kind == "display_data"


def test_a_failing_cell_fails_with_one_line(kernel):
    shown, error = kernel.run("%patina_run exit 3")
    assert "Step 1 failed: exit code 3" in shown.text
    assert error.error == [f"CommandFailed: {shown.text.splitlines()[0]}."]
    [error] = kernel.run("%patina_run --tmeout 3 ls")
    assert error.error[0].startswith(
        "UsageError: %patina_run: unknown option --tmeout (did you mean --timeout?)"
    )


def test_an_interrupt_stops_the_command_and_keeps_the_box(kernel):
    outputs = interrupt_when(kernel, kernel.send(SLEEP), "Output so far")
    assert outputs[-1].error[0].startswith("Interrupted: Step 1 was stopped")
    assert "Step 1 was stopped" in outputs[-2].text
    [shown] = kernel.run("%patina_run cat begun.txt")
    assert "Step 2 finished" in shown.text
    assert "begun" in shown.text


def test_an_interrupt_works_in_a_cell_that_awaits(kernel):
    code = "import asyncio\nawait asyncio.sleep(0)\n%patina_run echo begun; sleep 60"
    outputs = interrupt_when(kernel, kernel.send(code), "Output so far")
    assert outputs[-1].error[0].startswith("Interrupted: Step 1 was stopped")


def test_background_work_goes_on_in_its_own_cell(kernel):
    outputs = kernel.run(f"job = %patina_run --background {LOOP}")
    [started] = outputs
    assert started.text.startswith("Running")
    assert kernel.run("1 + 1")[-1].text == "2"
    request = kernel.send("job.result(60).number")
    outputs = kernel.outputs(request)
    later = [shown for shown in outputs if shown.kind == "update_display_data"]
    assert {shown.display_id for shown in later} == {started.display_id}
    assert "Step 1 finished" in later[-1].text
    assert [shown.text for shown in outputs if shown.kind == "execute_result"] == ["1"]


def test_awaiting_a_job_answers_interrupts(kernel):
    kernel.run("job = %patina_run --background echo begun; sleep 60")
    request = kernel.send("await job")
    kernel.outputs(request, until=lambda shown: "begun" in shown.text)
    began = time.monotonic()
    kernel.manager.interrupt_kernel()
    error = kernel.outputs(request)[-1]
    assert time.monotonic() - began < 10
    assert error.error[0].startswith("JobCancelled:")
    [status] = [shown for shown in kernel.run("job.wait(30); job.status") if shown.kind == "execute_result"]
    assert "was stopped" in status.text


def test_a_job_that_fails_says_so_in_its_own_display(kernel):
    outputs = kernel.run("job = %patina_run --background -e dagger ls\nerror = job.exception(30)")
    assert "Did not end: Session auth is open already with engine" in outputs[-1].text
    [shown] = kernel.run("job")
    assert "failed: Session auth is open already with engine" in shown.text


def test_asyncio_run_works_once_it_is_asked_for(kernel):
    code = "import asyncio\nasync def main(): return 'ran'\nasyncio.run(main())"
    kernel.run("%config PatinaMagics.nest_asyncio = True")
    [shown] = kernel.run(code)
    assert shown.text == "'ran'"


def notebook(*sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(cells=cells)


def test_a_saved_notebook_holds_summaries_only(repository):
    saved = notebook(
        "%load_ext patina_nb",
        "%patina_workspace auth",
        f"%%patina_run\n{LOOP}",
        "job = %patina_run --background echo last; sleep 1",
        "job.result(30)",
    )
    NotebookClient(saved, timeout=60).execute()
    nbformat.validate(saved)
    opened, ran, background = (saved.cells[index].outputs for index in (1, 2, 3))
    texts = ("Workspace auth", "Step 1 finished", "Step 2 finished")
    for outputs, text in zip((opened, ran, background), texts, strict=True):
        [shown] = outputs
        assert text in shown.data["text/plain"]
        assert "Running" not in shown.data["text/html"]
        assert "<progress" not in shown.data["text/html"]
    assert "widgets" not in saved.metadata


def test_a_failing_cell_stops_a_run_of_the_notebook(repository):
    saved = notebook("%load_ext patina_nb", "%%patina_run\nexit 3", "reached = True")
    with pytest.raises(CellExecutionError, match="CommandFailed"):
        NotebookClient(saved, timeout=60).execute()
    assert saved.cells[2].execution_count is None
