"""What a design file asks of a box, and what an engine cannot honour."""

from patina_nb.design import language, parse
from patina_nb.engines.base import Limits
from patina_nb.engines.from_design import engine_of, half_of_memory, wishes

DESIGN = parse(
    """
[workspace]
engine = "process"
image = "python:3.12"
setup = ["apt-get install x"]
network = "full"
env = { A = "b" }
secrets = { KEY = "env:KEY" }
caches = { pip = "/home/agent/.cache/pip", other = "/var/other" }
shared = { models = "/shared/models" }
services = { db = { image = "postgres" } }
limits = { memory = "1G", processes = 7, disk = "2G", timeout = "1m" }
"""
)
NOTHING = parse("")
PYTHON = language("python")


def test_the_file_goes_before_the_defaults():
    wished = wishes(DESIGN, PYTHON, "local")
    assert (wished.network, wished.env, wished.shared) == ("full", {"A": "b"}, {"models": "/shared/models"})
    assert (wished.limits.memory, wished.limits.processes, wished.limits.file_size) == (1 << 30, 7, 2 << 30)
    wished = wishes(NOTHING, PYTHON, "local")
    assert (wished.network, wished.env, wished.shared) == ("none", {}, {})
    assert wished.limits == Limits(memory=half_of_memory())
    assert wished.notes == ()


def test_arguments_go_before_the_file():
    limits = Limits(memory=5)
    wished = wishes(DESIGN, PYTHON, "local", network="none", limits=limits, shared={})
    assert (wished.network, wished.limits, wished.shared) == ("none", limits, {})


def test_the_engine_named_first_counts(monkeypatch):
    monkeypatch.delenv("PATINA_ENGINE", raising=False)
    assert engine_of(NOTHING) == "auto"
    assert engine_of(DESIGN) == "process"
    monkeypatch.setenv("PATINA_ENGINE", "local")
    assert engine_of(DESIGN) == "local"
    assert engine_of(DESIGN, "dagger") == "dagger"


def test_what_does_not_hold_is_said_key_by_key_and_only_where_it_does_not_hold():
    [said] = wishes(DESIGN, PYTHON, "local").notes
    for words in (
        "the local engine",
        "image",
        "setup",
        "services db",
        "limits.disk",
        "caches other",
    ):
        assert words in said
    assert "secrets" not in said, "every engine gives them"
    assert wishes(DESIGN, PYTHON, "dagger").notes == ()
