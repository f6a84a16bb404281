"""What is shown where: statements show themselves, values do not, nothing shows twice."""

import importlib

import pytest

from patina_nb.notebook import show


@pytest.fixture(autouse=True)
def _session(shell, repository):
    shell.run("%patina_session start --id one -q")


def test_every_type_that_is_registered_by_name_exists():
    for module, name in (*show._PIECES, *show._OWN, show._STEP):
        assert isinstance(getattr(importlib.import_module(module), name), type), (module, name)


def test_objects_of_the_library_show_without_magics(shell):
    shell.run("import patina_nb as patina")
    result = shell.ip.run_cell("patina.sessions()[0]").result
    data, _ = shell.ip.display_formatter.format(result)
    assert data["text/plain"].startswith("Session one")
    assert "<strong>Session one active</strong>" in data["text/html"]


def test_magics_show_themselves_wherever_they_stand(shell):
    shell.run("%patina_session show\nif True:\n    x = %patina_session show\n1")
    assert len(shell.shown) == 2


def test_the_displayhook_is_silent_only_about_what_was_just_shown(shell, capsys):
    shell.run("%patina_session show -q")
    assert "Session one" not in capsys.readouterr().out
    shell.run("x = %patina_session show -q")
    shell.run("x")
    assert "Session one" in capsys.readouterr().out
    shell.run("%patina_session show -q\n_.id; _")  # `_` is the object of the cell before
    assert "Session one" in capsys.readouterr().out
