"""The doctor's report as tables."""


def test_doctor(shell, repository):
    found = shell.run("%patina_doctor")
    names = {finding.name for finding in found}
    assert {"local", "process", "dagger", "git", "bubblewrap", "dagger command", "runner", "podman"} <= names
    [shown] = shell.shown
    for topic in ("Engine", "Kind of box", "Machine", "Dagger", "Container runtime"):
        assert f">{topic}</caption>" in shown["text/html"]
    for finding in found:
        assert finding.name in shown["text/plain"]
    assert all(finding.fix in shown["text/plain"] for finding in found)
