"""Diff and log read the branch; nothing is opened for them."""

import pytest

from patina_nb.errors import RepositoryError


@pytest.fixture(autouse=True)
def _steps(shell, repository):
    shell.run("%patina_session start --id auth -q")
    shell.run("%patina_run -q echo '<b>' > new.txt; mkdir d; echo 1 > d/e")
    shell.run("%patina_run -q --no-raise-error echo 2 > d/e; exit 5")
    shell.run("%patina_session end -q")


def test_diff_from_the_base_to_the_head(shell):
    diff = shell.run("%patina_diff")
    assert sorted(file.path for file in diff.files) == ["d/e", "new.txt"]
    [shown] = shell.shown
    assert "+&lt;b&gt;" in shown["text/html"]
    assert "+<b>" in shown["text/plain"]
    assert "<strong>2 files changed</strong>" in shown["text/html"]


def test_diff_options(shell):
    assert [f.path for f in shell.run("%patina_diff -- d").files] == ["d/e"]
    assert [f.path for f in shell.run("%patina_diff agent/auth~1 agent/auth").files] == ["d/e"]
    shell.run("%patina_diff --stat")
    assert "Patch:" not in shell.shown[0]["text/plain"]
    shell.run("%patina_diff agent/auth")
    assert "No differences" in shell.shown[0]["text/plain"]
    shell.fails("%patina_diff nowhere", RepositoryError)


def test_log(shell):
    commits = shell.run("%patina_log")
    assert [(commit.step, commit.exit_code) for commit in commits] == [(2, 5), (1, 0)]
    [shown] = shell.shown
    assert ">Commits of agent/auth, the newest first</caption>" in shown["text/html"]
    assert shown["text/plain"].startswith("2 commits: agent/auth")
    assert commits[0].sha[:10] in shown["text/plain"]
    assert len(shell.run("%patina_log -n 1 -s auth")) == 1
    assert shell.run("x = %patina_log\nx") == commits
