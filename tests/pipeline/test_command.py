"""What the box is asked to run: the user's command, its runner told to report, words in their place."""

import subprocess
import tomllib

import pytest

from patina_nb.errors import UsageError
from patina_nb.pipeline.command import prepare
from patina_nb.pipeline.tools import missing_tool, tool_of


@pytest.mark.parametrize(
    ("command", "tool"),
    [
        ("pytest -q", "pytest"),
        ("python3 -m pytest", "pytest"),
        ("python3.12 -X dev -m pytest", None),
        ("CI=1 python -W error -m pytest", None),
        ("CI=1 python -b -m pytest", "pytest"),
        ("ruff check . && .venv/bin/pytest -q", "pytest"),
        ("uv run pytest", "pytest"),
        ("pytest-watch", None),
        ("echo pytest", None),
        ("go vet ./... && go test ./...", "go test"),
        ("go testify", None),
        ("cargo test", "cargo test"),
        ("cargo +nightly test --all", "cargo test"),
        ("cargo nextest run", "cargo nextest"),
        ("node --experimental-x --test tests/", "node --test"),
        ("node script.js --testing", None),
        ("npm test", "npm test"),
        ("npm run test", "npm test"),
        ("npm run build", None),
    ],
)
def test_runners_are_recognised_where_a_command_begins(command, tool):
    found, named = tool_of("check", command, "other")
    assert (found.name if found else None) == tool
    assert named is (tool is not None)


def test_a_stage_called_test_may_hide_the_runner_of_its_language():
    assert tool_of("test", "make test", "python")[0].name == "pytest"
    assert tool_of("test", "make test", "python")[1] is False
    assert tool_of("lint", "make lint", "python") == (None, False)
    assert tool_of("test", "make test", "other") == (None, False)


def test_go_is_told_to_write_json_and_nothing_else_is_touched():
    asked = prepare("test", "go vet ./... && go test ./...", language="go")
    assert asked.script == "go vet ./... && go test -json ./..."
    assert prepare("lint", "go vet ./...", language="go").script == "go vet ./..."
    assert prepare("test", "make test", language="go").script == "make test"


def test_nextest_is_told_where_to_report_in_a_file_beside_the_repositorys_own():
    asked = prepare("test", "cargo nextest run --no-fail-fast", language="rust", select="a b")
    assert asked.script == (
        "cargo nextest run 'a b' --tool-config-file \"patina:$PATINA_REPORTS/nextest.toml\" --no-fail-fast"
    )
    assert asked.env == {"PATINA_REPORTS": "{dir}"}
    assert tomllib.loads(asked.tool.settings["nextest.toml"])["profile"]["default"]["junit"] == {
        "path": "{dir}/nextest.xml"
    }
    assert asked.tool.left_unfinished("process aborted with signal 2 (SIGINT)")
    assert not asked.tool.left_unfinished("a test that says: process aborted with signal 2 (SIGINT)")


def test_a_pattern_goes_where_the_runner_takes_it():
    def of(command, language="other"):
        return prepare("test", command, language=language, select="a b")

    assert of("pytest -q").env["PYTEST_ADDOPTS"].endswith("-k 'a b'")
    assert of("go test ./...").script == "go test -run 'a b' -json ./..."
    assert of("cargo test --no-fail-fast").script == "cargo test 'a b' --no-fail-fast"
    assert of("node --test x").script == "node --test-name-pattern='a b' --test x"
    assert of("pytest -q").shown == "pytest -q -k 'a b'"
    for command in ("make test", "npm test", "true"):
        with pytest.raises(UsageError, match="-k cannot be passed"):
            of(command, "python")


def test_words_go_to_the_end_or_where_the_command_wants_them():
    def of(command):
        return prepare("test", command, language="other", arguments=("-x", "a b"))

    assert of("pytest -q").script == 'pytest -q "$@"'
    assert of("npm test").script == 'npm test -- "$@"'
    assert of('make "$@" && echo ok').script == 'make "$@" && echo ok'
    assert of("pytest -q").shown == "pytest -q -x 'a b'"
    for command in ("pytest; echo", "a | b", "a && b", "a\nb", "pytest 'x", "pytest # all", "(pytest)"):
        with pytest.raises(UsageError, match="write"):
            of(command)


def test_what_is_run_is_the_command_with_its_words_and_its_exit_code():
    asked = prepare("test", 'printf "%s|" one "$@"; exit 3', language="other", arguments=())
    done = subprocess.run(asked.argv, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("one|", 3)
    asked = prepare("test", 'printf "%s|"', language="other", arguments=("a b", "$HOME", "*"))
    assert subprocess.run(asked.argv, capture_output=True, text=True, check=True).stdout == "a b|$HOME|*|"


@pytest.mark.parametrize(
    ("code", "printed", "said"),
    [
        (127, "sh: 1: ruff: not found\n", "ruff is not installed"),
        (127, "bash: line 1: eslint: command not found\n", "eslint is not installed"),
        (127, "sh: ruff: not found", "ruff is not installed"),
        (1, "/usr/bin/python3: No module named pytest\n", "pytest is not installed"),
        (101, "error: no such command: `nextest`\n\nhelp: ...\n", "nextest is not installed"),
        (
            1,
            "error: 'cargo-clippy' is not installed for the toolchain 'stable'\n",
            "cargo-clippy is not installed",
        ),
        (
            1,
            "error: rustup could not choose a version of cargo-clippy to run, because one wasn't specified\n",
            "cargo-clippy is not installed",
        ),
        (1, 'npm error Missing script: "lint"\nnpm error\n', 'no npm script "lint"'),
        (1, "sh: 1: ruff: not found\n", None),
        (0, "/usr/bin/python3: No module named pytest\n", None),
        (1, "E   ModuleNotFoundError: No module named 'x'\n", None),
        (None, "", None),
    ],
)
def test_what_is_missing_is_heard(code, printed, said):
    found = missing_tool(code, printed)
    assert found is None if said is None else said in found
