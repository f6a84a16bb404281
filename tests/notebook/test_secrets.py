"""Secrets in a notebook: given to the cell that asks, and in nothing that it shows or that is saved."""

from __future__ import annotations

import nbformat
import pytest
from IPython.core.completer import provisionalcompleter
from nbclient import NotebookClient

from patina_nb.errors import SecretError, UsageError

VALUE = "a-value+of/mine"
DESIGN = """
[project]
features = ["agent-workflows"]
[workspace]
secrets = { TOKEN = "env:TEST_TOKEN", KEY = "env:TEST_KEY" }
"""


@pytest.fixture(autouse=True)
def _secrets(repository, monkeypatch):
    (repository / "PROJECT_DESIGN.toml").write_text(DESIGN)
    monkeypatch.setenv("TEST_TOKEN", VALUE)
    monkeypatch.setenv("TEST_KEY", "another value")


@pytest.fixture
def session(shell):
    shell.run("%patina_session start --id auth -q")


def test_the_option_may_be_repeated(shell, session):
    step = shell.run("%%patina_run --secret TOKEN --secret=KEY\necho ${#TOKEN} ${#KEY} $TOKEN")
    assert step.stdout.text == f"{len(VALUE)} 13 ***\n"
    assert shell.run("%patina_run -q --secret TOKEN echo ${#TOKEN} ${KEY-none}").stdout.text == (
        f"{len(VALUE)} none\n"
    )
    assert shell.run("%patina_run -q echo ${TOKEN-none}").stdout.text == "none\n"


def test_wrong_names_are_errors_that_help(shell, session):
    assert "did you mean TOKEN?" in shell.fails("%patina_run --secret TOKN true", SecretError)
    assert "--secret needs a value" in shell.fails("%%patina_run --secret\ntrue", UsageError)


def test_names_complete(shell):
    line = "%patina_run --secret "
    with provisionalcompleter():
        found = [completion.text for completion in shell.ip.Completer.completions(line, len(line))]
    assert found == ["KEY", "TOKEN"]


def test_a_refused_step_says_what_to_do(shell, session):
    step = shell.run("%%patina_run --secret TOKEN\necho $TOKEN > conf")
    [shown] = shell.shown
    for form in ("text/plain", "text/html"):
        assert "NOT on the branch" in shown[form]
        assert "conf holds the value of the secret TOKEN" in shown[form]
        assert VALUE not in shown[form]
    assert step.commit is None
    assert shell.run("%patina_run -q rm conf; echo x > x").commit


def test_a_job_has_no_value_in_its_title(shell, session):
    shell.run("%patina_run -q --secret TOKEN true")
    job = shell.run(f"%patina_run --background echo {VALUE}")
    assert VALUE not in repr(job)
    assert job.result(30).stdout.text == "***\n"
    assert VALUE not in str(shell.shown)


def test_a_saved_notebook_and_what_a_kernel_sends_hold_no_value(kernel):
    script = "%%patina_run --secret TOKEN\nfor i in 1 2 3 4 5 6; do echo $i $TOKEN; sleep 0.2; done"
    outputs = kernel.run(script)
    assert len(outputs) > 2
    assert "6 ***" in outputs[-1].text
    for shown in outputs:
        assert VALUE not in f"{shown.text}{shown.html}{shown.error}"


def test_a_notebook_that_was_run_and_its_repository_hold_no_value(repository):
    sources = (
        "%load_ext patina_nb",
        "%patina_workspace auth",
        "%%patina_run --secret TOKEN\necho $TOKEN; echo $TOKEN >&2; echo $TOKEN > conf",
        "%%patina_run\ncat conf; rm conf; echo x > x",
        "%patina_log",
    )
    saved = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(saved, timeout=60).execute()
    assert "conf holds the value of the secret TOKEN" in nbformat.writes(saved)
    assert VALUE not in nbformat.writes(saved)
    for path in repository.rglob("*"):
        assert not path.is_file() or VALUE.encode() not in path.read_bytes(), path
