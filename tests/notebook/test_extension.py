"""Loading is instant, idempotent, and taken back without a trace."""

import json
import subprocess
import sys

from patina_nb.errors import UsageError

MAGICS = {
    "line": {
        "session",
        "workspace",
        "run",
        "diff",
        "log",
        "delete",
        "doctor",
        "panel",
        "metrics",
        "test",
        "lint",
        "build",
        "init",
    },
    "cell": {"run", "write", "pipeline"},
}
HEAVY = ["pandas", "ipywidgets", "dagger", "duckdb", "matplotlib", "git", "nest_asyncio"]
LAYERS = ["api", "engines", "workspaces", "sandbox", "snapshot", "repository", "session", "project"]

LOAD = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_line_magic("load_ext", "patina_nb")
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def ours(shell):
    found = shell.ip.magics_manager.magics
    return {kind: {n for n in found[kind] if n.startswith("patina_")} for kind in ("line", "cell")}


def knobs(shell):
    return [type(known).__name__ for known in shell.ip.configurables]


def test_every_magic_is_there_and_has_help(shell, capsys):
    assert ours(shell) == {kind: {f"patina_{name}" for name in names} for kind, names in MAGICS.items()}
    for kind, names in ours(shell).items():
        for name in names:
            assert "options:" in shell.ip.magics_manager.magics[kind][name].__doc__
    shell.run("%patina_run --help")
    assert "--no-raise-error" in capsys.readouterr().out


def test_question_mark_shows_the_help(shell, capsys):
    shell.run("%patina_diff?")
    shown = capsys.readouterr().out + "".join(bundle["text/plain"] for bundle in shell.shown)
    assert "What a session's branch changed." in shown
    assert "--stat" in shown


def test_loading_twice_and_reloading_change_nothing(shell):
    before = (ours(shell), sorted(knobs(shell)), len(shell.ip.Completer.custom_matchers))
    shell.run("%load_ext patina_nb")
    shell.run("%reload_ext patina_nb")
    assert (ours(shell), sorted(knobs(shell)), len(shell.ip.Completer.custom_matchers)) == before


def test_unloading_leaves_no_trace(bare_shell):
    def state():
        formatters = bare_shell.ip.display_formatter
        return (
            ours(bare_shell),
            sorted(knobs(bare_shell)),
            sorted(bare_shell.ip.magics_manager.registry),
            list(bare_shell.ip.Completer.custom_matchers),
            len(bare_shell.ip.events.callbacks["pre_run_cell"]),
            sorted(formatters.mimebundle_formatter.deferred_printers),
            sorted(formatters.ipython_display_formatter.deferred_printers),
        )

    bare_shell.run("%unload_ext patina_nb")  # the first use of such a magic registers IPython's own
    before = state()
    bare_shell.run("%load_ext patina_nb")
    assert state() != before
    bare_shell.run("%unload_ext patina_nb")
    assert state() == before


def test_loading_imports_nothing_heavy_and_no_layer_below():
    done = subprocess.run(
        [sys.executable, "-c", LOAD], capture_output=True, text=True, check=True, timeout=60
    )
    added = json.loads(done.stdout.splitlines()[-1])
    assert "patina_nb.notebook.extension" in added
    tops = {name.split(".")[0] for name in added}
    assert not tops & set(HEAVY)
    assert not [name for name in added if name.split(".")[:2] in (["patina_nb", layer] for layer in LAYERS)]


def test_knobs_are_shown_set_and_checked(shell, capsys):
    shell.run("%config PatinaMagics")
    text = capsys.readouterr().out
    for knob in ("engine", "output_lines", "raise_error", "nest_asyncio"):
        assert f"PatinaMagics.{knob}" in text
    shell.run("%config PatinaMagics.output_lines = 7")
    assert shell.run("%config PatinaMagics.output_lines") == 7


def test_a_wrong_word_is_one_line_and_fails_the_cell(shell):
    message = shell.fails("%patina_workspace --netwrok full", UsageError)
    assert "did you mean --network" in message
    assert "'nope'" in shell.fails("%patina_session show {nope}", UsageError)
    assert "not a name" in shell.fails("%patina_session list --out 1x", UsageError)
