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
    assert "<strong>Session one</strong>" in data["text/html"]


def test_statements_show_themselves_wherever_they_stand(shell):
    shell.run("%patina_session show\nif True:\n    %patina_session show\n1")
    assert len(shell.shown) == 2
    shell.run("def f(name):\n    %patina_session show {name}\n    y = %patina_session show {name}\nf('one')")
    assert len(shell.shown) == 1


def test_values_are_not_shown_by_the_magic(shell):
    shell.run("x = %patina_session show\nx.id")
    shell.run("x = [get_ipython().run_line_magic('patina_session', 'show')]\nx[0].id")
    assert shell.shown == []


def test_the_displayhook_is_silent_only_about_what_was_just_shown(shell, capsys):
    shell.run("%patina_session show -q")
    assert "Session one" not in capsys.readouterr().out
    shell.run("x = %patina_session show -q\nx")
    assert "Session one" in capsys.readouterr().out
    shell.run("%patina_session show -q\n_.id; _")  # `_` is the object of the cell before
    assert "Session one" in capsys.readouterr().out


def test_all_expressions_may_be_shown(shell, capsys):
    shell.ip.ast_node_interactivity = "all"
    try:
        shell.run("%patina_session show\n%patina_session show\n1")
        assert len(shell.shown) == 2
        assert "Session one" not in capsys.readouterr().out
    finally:
        shell.ip.ast_node_interactivity = "last_expr"
