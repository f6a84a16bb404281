"""Opening, reusing and removing workspaces."""

from patina_nb.errors import PatinaError, SessionError, WorkspaceError


def test_opening_says_where_and_how_isolated(shell, repository):
    workspace = shell.run("%patina_workspace auth")
    assert workspace.branch == "agent/auth"
    [shown] = shell.shown
    for text in ("Workspace auth", "agent/auth", workspace.engine, "enforced", ">Isolation:"):
        assert text in shown["text/html"]


def test_an_open_workspace_is_used_again_by_later_cells(shell, repository):
    workspace = shell.run("%patina_workspace auth -q")
    assert shell.run("%patina_workspace") is workspace
    shell.run("%config PatinaMagics.engine = 'dagger'")  # a default: no reason to complain about what is open
    assert shell.run("%patina_run -q true").engine == workspace.engine
    said = shell.fails("%patina_workspace -e dagger", PatinaError)
    assert f"open already with engine {workspace.engine}, not dagger" in said


def test_an_open_workspace_with_another_network_is_refused(shell, repository):
    workspace = shell.run("%patina_workspace auth -q")
    said = shell.fails("%patina_workspace auth --network full", WorkspaceError)
    assert "open already with network none, not full: close it before" in said
    assert shell.run("%patina_workspace auth --network none") is workspace


def test_options(shell, repository):
    (repository / "a.py").write_text("changed\n")
    first = shell.git("rev-parse", "HEAD")
    workspace = shell.run("%patina_workspace one --base {base} --with-changes".replace("{base}", first))
    assert workspace.read("a.py") == b"changed\n"
    assert "uncommitted" not in shell.shown[0]["text/plain"]


def test_what_is_missing_is_said_also_when_opened_in_passing(shell, repository):
    (repository / "a.py").write_text("changed\n")
    shell.run("%patina_session start --id two -q")
    shell.run("%patina_run cat a.py")
    assert "1 uncommitted change" in shell.shown[0]["text/plain"]
    shell.run("%patina_run true")
    assert "uncommitted" not in shell.shown[0]["text/plain"]


def test_unloading_closes_what_is_open(shell, repository):
    workspace = shell.run("%patina_workspace auth -q")
    shell.run("%unload_ext patina_nb")
    assert workspace.closed


def test_ending_a_session_closes_its_workspace(shell, repository):
    workspace = shell.run("%patina_workspace auth -q")
    shell.run("%patina_session end -q")
    assert workspace.closed


def test_delete(shell, repository):
    shell.run("%patina_session start --id auth -q\n%patina_run -q touch x")
    assert "on no other branch" in shell.fails("%patina_delete auth", SessionError)
    shell.run("%patina_delete auth --force")
    assert "Session auth deleted: its journal stays" in shell.shown[0]["text/plain"]
    assert shell.git("branch", "--list", "agent/auth") == ""
    assert shell.run("%patina_session list") == []
