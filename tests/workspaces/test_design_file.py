"""What PROJECT_DESIGN.toml says holds when a workspace is opened."""

import pytest

import patina_nb as patina
from patina_nb.errors import DesignError, WorkspaceError

ON = '[project]\nfeatures = ["agent-workflows"]\n'


@pytest.fixture
def written(repo):
    def write(text):
        repo.write({"PROJECT_DESIGN.toml": text})

    return write


def test_a_file_without_the_feature_keeps_workspaces_off_and_nothing_is_started(repo, opener, written):
    written("[why]\npurpose = 'x'\n")
    with pytest.raises(WorkspaceError, match=r"%patina_init --agent"):
        opener("auth")
    assert patina.sessions(repo.path) == []
    written(ON)
    assert opener("auth").run("true").ok


def test_a_wrong_file_is_an_error_with_its_line_before_anything_starts(repo, opener, written):
    written(ON + '[workspace]\nnetwrok = "none"\n')
    with pytest.raises(DesignError, match=r"line 4: \[workspace\] netwrok"):
        opener("auth")
    assert patina.sessions(repo.path) == []


def test_env_limits_timeout_and_shared_volumes_of_the_file(opener, written):
    written(
        ON
        + '[workspace]\nenv = { COLOUR = "blue" }\nshared = { data = "/shared/data" }\n'
        + 'limits = { processes = 40, timeout = "1s" }\n'
    )
    ws = opener("auth")
    assert ws.run('printf "$COLOUR"').stdout.text == "blue"
    assert ws.run('test -d "$PATINA_SHARED_DATA"').ok
    assert ws.run("sleep 30").status == "timed out"
    assert ws.run("sleep 1.5", timeout=20).ok


def test_arguments_go_before_the_file(opener, written):
    written(ON + '[workspace]\nshared = { data = "/shared/data" }\n')
    assert opener("auth", shared={}).run('test -z "$PATINA_SHARED_DATA"').ok


@pytest.mark.local_only("a container honours images and secrets")
def test_what_the_engine_does_not_honour_is_in_the_notes(opener, written):
    written(ON + '[workspace]\nimage = "x"\nsetup = ["y"]\n')
    [said] = [note for note in opener("auth").notes if "does not honour" in note]
    assert "image" in said
    assert "setup" in said


def test_pipelines_work_where_workspaces_are_off(repo, written):
    written('[development.commands]\ntest = "cat a.txt"\n')
    report = patina.test(path=repo.path)
    assert report.ok
    assert report.stages[0].stdout.text == "one\n"
    assert patina.lint(path=repo.path, language="go").status in ("failed", "tool missing", "passed")


@pytest.mark.local_only("the caches of a container are volumes of its engine")
def test_deleting_a_session_removes_what_its_pipelines_kept(repo, opener, written, cache):
    written(ON + '[development.commands]\ntest = "mkdir -p ~/.cache/x; echo x > ~/.cache/pip/mark"\n')
    opener("auth").close()
    report = patina.test("auth", path=repo.path, language="python")
    assert report.ok, report.stages[0].stderr.text
    assert list(cache.glob("*/shared/patina-caches-*"))
    patina.delete("auth", path=repo.path)
    assert not list(cache.glob(f"{repo.project.id}/shared/patina-caches-*"))
