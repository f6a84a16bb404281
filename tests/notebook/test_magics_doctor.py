"""The doctor's report as tables."""


def test_doctor(shell, repository):
    found = shell.run("%patina_doctor")
    names = {finding.name for finding in found}
    assert {"local", "process", "git"} <= names
    [shown] = shell.shown
    assert "<caption>Engine</caption>" in shown["text/html"]
    assert "process" in shown["text/plain"]
