"""Every rule of a magic's line: quotes, variables, options, what belongs to a command."""

import pytest

from patina_nb.errors import UsageError
from patina_nb.notebook.arguments import count, octal, parse, seconds
from patina_nb.notebook.magics.review import DIFF, LOG
from patina_nb.notebook.magics.run import RUN, WRITE
from patina_nb.notebook.magics.session import SESSION
from patina_nb.notebook.magics.workspace import WORKSPACE
from patina_nb.notebook.usage import help_text


class Thing:
    id = "auth-2"


NAMES = {"name": "a b", "thing": Thing(), "dashes": "--force", "n": 3}


def words(usage, line):
    return parse(usage, line, NAMES)


def test_quotes_are_taken_off_and_hold_words_together():
    parsed = words(SESSION, """start "it's a \\"goal\\"" --id 'x y' --agent a\\ b""")
    assert (parsed.goal, parsed.id, parsed.agent) == ('it\'s a "goal"', "x y", "a b")


def test_variables_are_expanded_after_splitting_so_a_value_is_one_word():
    assert words(SESSION, "start {name}").goal == "a b"
    assert words(SESSION, 'start "$name and {thing.id}" --id x').goal == "a b and auth-2"
    assert words(LOG, "-n {n}").number == 3


def test_a_value_is_never_taken_for_an_option():
    assert words(SESSION, "update {dashes}").note == "--force"


def test_an_unknown_variable_is_named_and_how_to_mean_the_text():
    with pytest.raises(UsageError, match=r"no variable 'nope'.*\{\{nope\}\}"):
        words(SESSION, "start {nope}")
    with pytest.raises(UsageError, match=r"no variable 'HOME'.*\$\$HOME"):
        words(SESSION, "start $HOME")
    with pytest.raises(UsageError, match="no attribute 'nope'"):
        words(SESSION, "start {thing.nope}")
    with pytest.raises(UsageError, match="not a variable"):
        words(SESSION, 'start "{1 + 1}"')


def test_doubled_braces_and_dollars_stand_for_themselves():
    assert words(SESSION, 'start "{{x}} costs $$5 or $5"').goal == "{x} costs $5 or $5"


def test_a_command_on_the_line_is_verbatim_from_its_first_word_on():
    parsed = words(RUN, """-s auth --timeout 2m grep -s "a  b" {x} $HOME | wc -l ; echo 'it""")
    assert (parsed.session, parsed.timeout) == ("auth", 120)
    assert parsed.command == """grep -s "a  b" {x} $HOME | wc -l ; echo 'it"""
    assert words(RUN, "-q -- -s x").command == "-s x"


def test_no_command_on_the_line_of_a_cell_magic():
    with pytest.raises(UsageError, match="unexpected 'echo'"):
        parse(RUN.for_cell(), "echo hi", NAMES)


def test_unknown_options_name_the_nearest_known_one():
    with pytest.raises(UsageError, match=r"unknown option --sessions \(did you mean --session\?\); see"):
        words(DIFF, "--sessions x")
    with pytest.raises(UsageError, match="unknown option --qui"):  # never abbreviated
        words(DIFF, "--qui")


def test_wrong_words_are_one_sentence_that_says_what_to_write():
    cases = {
        (SESSION, "stat"): "no command 'stat' .did you mean start",
        (SESSION, "start implement the login"): "unexpected 'the'.*quotes",
        (SESSION, "update"): "NOTE is missing",
        (SESSION, "start it's"): "quote is not closed",
        (WORKSPACE, "-e loca"): "not one of auto.*did you mean local",
        (WORKSPACE, "--base"): "--base needs a value",
        (WORKSPACE, "--with-changes=1"): "takes no value",
        (LOG, "-n many"): "whole number",
        (RUN, "--timeout soon ls"): "write a duration",
        (WRITE, "a.txt --mode rw"): "octal",
    }
    for (usage, line), message in cases.items():
        with pytest.raises(UsageError, match=message) as caught:
            words(usage, line)
        assert "\n" not in str(caught.value)
        assert len(caught.value._render_traceback_()) == 1


def test_a_trailing_semicolon_silences_but_belongs_to_a_command():
    assert words(WORKSPACE, "auth;").quiet
    assert words(WORKSPACE, "auth").quiet is False
    assert words(RUN, "echo a;").command == "echo a;"


def test_paths_come_after_two_dashes():
    parsed = words(DIFF, "HEAD~1 --stat -- a.py '-b c.py'")
    assert (parsed.a, parsed.b, parsed.paths, parsed.stat) == ("HEAD~1", None, ("a.py", "-b c.py"), True)


def test_options_work_before_and_after_a_subcommand_and_with_an_equals_sign():
    assert words(SESSION, "-s auth update note").session == "auth"
    assert words(SESSION, "update note --session=auth").session == "auth"


def test_units():
    assert [seconds(text) for text in ("90", "90s", "1.5h", "10 m")] == [90, 90, 5400, 600]
    assert (count("7"), octal("755"), octal("0644")) == (7, 0o755, 0o644)
    for convert, text in ((seconds, "0"), (seconds, "-1"), (count, "0"), (count, "1.5"), (octal, "9")):
        with pytest.raises(ValueError):
            convert(text)


def test_help_tells_all_there_is():
    text = help_text(SESSION)
    for word in (
        "%patina_session",
        "start",
        "update",
        "end",
        "list",
        "show",
        "use",
        "--id",
        "--session",
        "--out",
    ):
        assert word in text
    text = help_text(RUN)
    assert "%%patina_run" in text
    assert "cell body" in text
    assert "--no-raise-error" in text
