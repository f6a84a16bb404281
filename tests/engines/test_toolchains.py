"""Tools of a language outside of /usr: found on the machine, shown in the box."""

import os

import pytest

from patina_nb.design import language
from patina_nb.design.languages import Language, Toolchain
from patina_nb.engines.base import BoxSpec
from patina_nb.engines.identity import Identity, ourselves
from patina_nb.engines.local import host
from patina_nb.engines.toolchains import toolchain


def tools(path, script):
    """A program that answers where its toolchain is."""
    program = path / "where-is-it"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Language(name="x", toolchain=Toolchain(ask=("where-is-it", "--print"), places=(str(path),)))


def test_a_toolchain_is_where_its_own_program_says(tmp_path):
    (tmp_path / "tools" / "bin").mkdir(parents=True)
    assert toolchain(tools(tmp_path, f"echo '{tmp_path}/tools'")) == (tmp_path / "tools",)


def test_programs_that_were_installed_for_it_are_shown_as_well(tmp_path, monkeypatch):
    (tmp_path / "tools" / "bin").mkdir(parents=True)
    found = tools(tmp_path, f"echo '{tmp_path}/tools'")
    monkeypatch.setenv("HOME", str(tmp_path))
    more = Toolchain(found.toolchain.ask, found.toolchain.places, installed="~/more")
    assert toolchain(Language(name="x", toolchain=more)) == (tmp_path / "tools",)
    (tmp_path / "more").mkdir()
    assert toolchain(Language(name="x", toolchain=more)) == (tmp_path / "tools", tmp_path / "more")


@pytest.mark.parametrize("script", ["exit 1", "echo relative", "echo /no/such/place", "", "echo /; exit 3"])
def test_an_answer_that_is_no_toolchain_is_none(tmp_path, script):
    assert toolchain(tools(tmp_path, script)) == ()


def test_languages_of_the_system_need_none_and_a_missing_one_is_no_error(tmp_path):
    assert toolchain(language("python")) == ()
    assert toolchain(Language(toolchain=Toolchain(ask=("no-such-program-here",)))) == ()


def test_a_tool_directory_that_the_box_cannot_reach_is_shown_where_it_can_be_mounted(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root's boxes run as another user")
    private = tmp_path / "private"
    (private / "tools" / "bin").mkdir(parents=True)
    private.chmod(0o700)
    other = Identity(60001, 60001, switched=True)
    assert host.tools([private / "tools"], other, staged=True) == ([private / "tools"], [])
    shown, [said] = host.tools([private / "tools"], other)
    assert shown == []
    assert "cannot be read" in said
    (private / "tools").chmod(0o700)
    assert host.tools([private / "tools"], other, staged=True)[0] == []


def test_a_tool_directory_of_the_system_is_only_put_on_the_path():
    assert host.tools(["/usr/local"], ourselves()) == ([host.Path("/usr/local")], [])
    assert BoxSpec.__dataclass_fields__["tools"].default == ()
