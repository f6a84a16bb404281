"""The design file: what it may say, and how it is told what it may not."""

import os
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patina_nb.design import Design, design_of, language, parse
from patina_nb.design.template import render
from patina_nb.errors import DesignError

WHOLE = """
[project]
name = "thing"
description = "the family's own"
features = ["other", "agent-workflows"]

[why]
purpose = "left alone"

[development]
style = "left alone"

[development.commands]
lint = "ruff check ."
integration = "pytest tests/integration"

[workspace]
engine = "local"
image = { dockerfile = "Dockerfile" }
setup = ["apt-get install -y git"]
install = ["pip install -e ."]
network = "full"
env = { CI = "1" }
secrets = { API_KEY = "env:API_KEY", CERT = "file:~/cert.pem" }
caches = { pip = "/home/agent/.cache/pip" }
shared = { models = "/shared/models" }
services = { db = { image = "postgres:16", ports = [5432], env = { A = "b" } } }
limits = { memory = "1.5G", processes = 256, disk = "500 MB", timeout = "90s" }
reports = { lint = "build/*.xml" }

[merge]
target = "main"
strategy = "squash"
auto = true
protect = [".ci/**"]
max_lines = 2000
"""


def test_all_that_the_file_may_say():
    design = parse(WHOLE)
    assert design.project.name == "thing"
    assert design.workspaces_on
    assert design.commands == {"lint": "ruff check .", "integration": "pytest tests/integration"}
    asked = design.workspace
    assert (asked.engine, asked.network, asked.env) == ("local", "full", {"CI": "1"})
    assert asked.image.dockerfile == "Dockerfile"
    assert asked.services["db"].ports == (5432,)
    assert (asked.limits.memory_bytes, asked.limits.disk_bytes) == (3 << 29, 500 << 20)
    assert asked.limits.timeout_s == 90
    assert design.merge.strategy == "squash"
    assert design.merge.protect == (".ci/**",)


def test_a_file_of_the_family_without_our_tables_is_fine_and_keeps_workspaces_off():
    design = parse('[why]\npurpose = "x"\n\n[technical]\nworkspace = 3\n')
    assert not design.workspaces_on
    assert "agent-workflows" in design.why_off()
    assert "%patina_init --agent" in design.why_off()
    assert design.commands == {}


def test_a_slip_in_what_turns_workspaces_on_is_pointed_out_when_it_matters():
    assert "did you mean 'features'" in parse('[project]\nfeature = ["agent-workflows"]\n').why_off()
    assert "'agent-workflow'" in parse('[project]\nfeatures = ["agent-workflow"]\n').why_off()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[workspace]\n\nnetwrok = "none"\n', 3, ("[workspace] netwrok", "did you mean 'network'", "engine")),
        (
            '[workspace]\nnetwork = "ful"\n',
            2,
            ("[workspace] network", 'one of "none", "full"', "'ful'", "mean 'full'"),
        ),
        ('[workspace.limits]\nmemory = "2Q"\n', 2, ("limits.memory", '"512M"', "'2Q'")),
        ("[workspace.limits]\nmemory = 2000\n", 2, ("limits.memory", "2000")),
        ('[workspace]\nlimits = { memry = "2G" }\n', 2, ("limits.memry", "did you mean 'memory'")),
        ('[workspace]\nlimits = { timeout = "0m" }\n', 2, ("limits.timeout", "more than 0")),
        ("[workspace.limits]\nprocesses = 0\n", 2, ("limits.processes", "from 1")),
        ('[workspace]\nsetup = [\n  "a",\n  3,\n]\n', 2, ("setup[1]", "not 3")),
        ('[workspace]\nsetup = "a"\n', 2, ("setup", "must be a list")),
        ("[workspace]\nenv = { CI = 1 }\n", 2, ("env.CI", "text in quotes")),
        ('[workspace]\nenv = { "A B" = "1" }\n', 2, ("'A B'", "environment variable")),
        ('[workspace]\nsecrets = { KEY = "sk-123" }\n', 2, ("secrets.KEY", '"env:NAME"')),
        ('[workspace]\nshared = { m = "data/m" }\n', 2, ("shared.m", "absolute path")),
        ('[workspace]\nshared = { m = "/data/../etc" }\n', 2, ("shared.m", "absolute path")),
        ('[workspace]\nshared = { patina-x = "/x" }\n', 2, ("patina-x", "ours")),
        ("[workspace]\nservices = { db = { ports = [1] } }\n", 2, ("services.db", "'image'")),
        ('[workspace]\nservices = { db = { image = "a", ports = [70000] } }\n', 2, ("ports[0]", "65535")),
        ("[workspace]\nimage = {}\n", 2, ("image", "dockerfile, rootfs, tarball")),
        ("[workspace]\nimage = 3\n", 2, ("image", "dockerfile")),
        ('[[workspace]]\nengine = "local"\n', 1, ("[workspace]", "must be a table")),
        ('[project]\nfeatures = "agent-workflows"\n', 2, ("[project] features", "must be a list")),
        ("[development]\ncommands = 3\n", 2, ("[development.commands]", "must be a table")),
        ('[development.commands]\n"run all" = "x"\n', 2, ("'run all'", "a name of letters")),
        ('[development.commands]\ntest = ""\n', 2, ("[development.commands] test", "not empty")),
        ('# c\n[merge]\nstrategy = "rebase"\n', 3, ("[merge] strategy", '"merge", "squash"')),
        ('[merge]\nprotect = ["../x"]\n', 2, ("protect[0]", "inside the repository")),
        ("[merge]\nauto = 1\n", 2, ("[merge] auto", "true or false", "not 1")),
        ("[workspace]\nengine = \n", 2, ("not TOML",)),
        ('[workspace]\nengine = "local"\n[workspace]\n', 3, ("not TOML",)),
        ("a = " + "[" * 5000, 1, ()),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_what_would_be_right(text, line, said):
    with pytest.raises(DesignError) as caught:
        parse(text)
    message = str(caught.value)
    assert message.startswith("PROJECT_DESIGN.toml")
    assert not said or f"line {line}:" in message
    for words in said:
        assert words in message


def test_the_file_of_the_worktree_is_read_again_when_it_changes(tmp_path):
    assert design_of(tmp_path) == design_of(None) == Design()
    assert design_of(tmp_path).workspaces_on
    path = tmp_path / "PROJECT_DESIGN.toml"
    path.write_text('[development.commands]\nlint = "a"\n')
    assert design_of(tmp_path).commands == {"lint": "a"}
    assert design_of(tmp_path) is design_of(tmp_path)
    path.write_text('[development.commands]\nlint = "another"\n')
    assert design_of(tmp_path).commands == {"lint": "another"}
    path.unlink()
    assert design_of(tmp_path) == Design()


def test_what_is_no_readable_file_is_an_error_and_never_a_hang(tmp_path):
    path = tmp_path / "PROJECT_DESIGN.toml"
    path.mkdir()
    with pytest.raises(DesignError, match="not a file"):
        design_of(tmp_path)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(DesignError, match="not a file"):
        design_of(tmp_path)
    path.unlink()
    path.write_bytes(b'[workspace]\nimage = "\xff"\n')
    with pytest.raises(DesignError, match="line 2: this is not UTF-8"):
        design_of(tmp_path)
    path.write_text("#" * (65 << 10))
    with pytest.raises(DesignError, match="larger than 64 KiB"):
        design_of(tmp_path)


scalars = st.one_of(
    st.integers(-5, 5), st.booleans(), st.text(max_size=5), st.sampled_from(["none", "2G", "/x"])
)
names = st.sampled_from(
    ["workspace", "project", "features", "limits", "memory", "env", "image", "services", "db", "setup", "x"]
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
)


def written(table):
    def one(value):
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key} = {one(item)}" for key, item in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(one, value)) + "]"
        if isinstance(value, bool):
            return str(value).lower()
        return (
            str(value) if isinstance(value, int) else '"' + "".join(f"\\U{ord(c):08x}" for c in value) + '"'
        )

    return "\n".join(f"{key} = {one(value)}" for key, value in table.items())


def complaint(text):
    """What is wrong with a design, or None."""
    try:
        assert isinstance(parse(text), Design)
    except DesignError as error:
        return str(error)
    return None


@given(st.dictionaries(names, values.filter(lambda v: isinstance(v, dict)) | values, max_size=4))
def test_any_toml_is_a_design_or_an_error_with_a_line(table):
    text = written(table)
    assert tomllib.loads(text) is not None
    said = complaint(text)
    if said is not None:
        number = int(said.split("line ")[1].split(":")[0])
        named = said.split("[")[1].split("]")[0].split(".")[0]
        assert text.splitlines()[number - 1].startswith(f"{named} =")


@given(st.data())
def test_a_damaged_template_is_a_design_or_an_error(data):
    text = render(language("python"), agent=True)
    at = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 40))
    broken = text[:at] + data.draw(st.text(max_size=3)) + text[at + length :]
    said = complaint(broken)
    if said is not None:
        assert said.startswith("PROJECT_DESIGN.toml, line ")
        assert 1 <= int(said.split("line ")[1].split(":")[0]) <= broken.count("\n") + 1


def test_errors_are_whole_sentences():
    with pytest.raises(DesignError) as unknown:
        parse('[workspace]\nnetwrok = "none"\n')
    assert "did you mean 'network'? Known here: engine, " in str(unknown.value)
    with pytest.raises(DesignError) as wrong:
        parse('[workspace]\nengine = "dager"\n')
    assert str(wrong.value).endswith("not 'dager'; did you mean 'dagger'?")
