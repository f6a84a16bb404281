"""Commands and files, one step each, as a notebook sees them."""

import pytest

from patina_nb.errors import CommandFailed, SessionError, UsageError, WorkspaceError


@pytest.fixture(autouse=True)
def _session(shell, repository):
    shell.run("%patina_session start --id auth -q")


def test_a_body_is_a_script_and_its_end_is_a_commit(shell):
    step = shell.run("%%patina_run\nn=1\necho {n} $n ${n}2 > out.txt\ncat out.txt; exit 0")
    assert step.ok
    assert step.stdout.text == "{n} 1 12\n"
    assert [(change.path, change.status) for change in step.files] == [("out.txt", "added")]
    assert shell.git("rev-parse", "agent/auth") == step.commit
    [shown] = shell.shown
    for text in ("Step 1 finished", step.commit[:10], "out.txt", "{n} 1 12", "agent/auth", step.isolation):
        assert text in shown["text/html"]
        assert text in shown["text/plain"]


def test_the_line_form_takes_the_rest_of_the_line_as_it_stands(shell):
    step = shell.run("""x = %patina_run -q printf '%s|' "a  b" {c} $((1+1)); echo end;\nx""")
    assert step.stdout.text == "a  b|{c}|2|end\n"


def test_a_failing_command_is_shown_and_then_fails_the_cell_in_one_line(shell):
    message = shell.fails("%%patina_run --out kept\necho before; exit 3", CommandFailed)
    assert "Step 1 failed: exit code 3" in message
    assert shell["kept"].exit_code == 3
    [shown] = shell.shown
    assert "before" in shown["text/plain"]


def test_a_failing_command_may_pass_when_told_so(shell):
    assert shell.run("%%patina_run --no-raise-error\nexit 3").exit_code == 3
    shell.run("%config PatinaMagics.raise_error = False")
    assert shell.run("%patina_run false").exit_code == 1


def test_options(shell):
    assert shell.run("%%patina_run --with python3\nprint('{x}', 1 + 1)").stdout.text == "{x} 2\n"
    assert "timed out" in shell.fails("%%patina_run --timeout 0.3\nsleep 30", CommandFailed)
    shell.run("other = 'two'\n%patina_session start --id {other} -q\n%patina_session use auth -q")
    assert shell.run("%patina_run -s {other} -q true").session_id == "two"
    assert shell.run("%patina_run -q true").session_id == "auth"


def test_quiet_shows_nothing_but_errors(shell):
    assert shell.run("%patina_run -q echo hi").stdout.text == "hi\n"
    assert shell.shown == []
    shell.fails("%patina_run -q exit 1", CommandFailed)
    assert shell.shown == []


def test_wrong_words_run_nothing(shell):
    assert "no command" in shell.fails("%patina_run", UsageError)
    assert "Did you mean auth" in shell.fails("%patina_run -s auht ls", SessionError)
    assert "unexpected 'echo'" in shell.fails("%%patina_run echo\nls", UsageError)


def test_files_are_written_as_they_stand(shell):
    step = shell.run('path = "src/a b.py"\n')
    step = shell.run('%%patina_write {path} --mode 755\nprint(f"{x} $y")\n\n')
    assert step.ok
    assert shell.git("show", "agent/auth:src/a b.py") == 'print(f"{x} $y")'
    assert shell.git("ls-tree", "agent/auth", "src/").startswith("100755")
    assert "write src/a b.py" in shell.shown[0]["text/plain"]
    shell.fails("%%patina_write ../outside\nx", WorkspaceError)


def test_the_last_lines_are_shown_and_all_are_kept(shell):
    shell.run("%config PatinaMagics.output_lines = 3")
    step = shell.run("%patina_run seq 100")
    assert step.stdout.text.count("\n") == 100
    assert "Output (last 3 of 100 lines):\n98\n99\n100" in shell.shown[0]["text/plain"]


def test_hostile_output_stays_text(shell):
    shell.run(r"%patina_run printf '<script>alert(1)</script>\033]0;x\007\033[31mred\033[8mhid\342\200\256'")
    html = shell.shown[0]["text/html"]
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "hid&lt;U+202E&gt;" in html


def test_background_gives_a_job_at_once(shell):
    job = shell.run("%%patina_run --background\nsleep 0.3; echo done")
    assert not job.done
    assert job.result(30).stdout.text == "done\n"
    failing = shell.run("%patina_run --background exit 4")
    with pytest.raises(CommandFailed, match="exit code 4") as caught:
        failing.result(30)
    assert caught.value.step.exit_code == 4


def test_cancelling_a_job_stops_its_command_and_keeps_what_it_wrote(shell):
    job = shell.run("%patina_run --background echo x > half.txt; sleep 60")
    while "half.txt" not in [entry.name for entry in shell.run("w = %patina_workspace -q\nw").ls()]:
        pass
    job.cancel()
    with pytest.raises(CommandFailed, match="was stopped"):
        job.result(30)
    assert shell.git("show", "agent/auth:half.txt") == "x"
