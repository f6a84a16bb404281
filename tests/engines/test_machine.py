"""What the machine brings, as rows for the doctor."""

from __future__ import annotations

from patina_nb.engines import machine
from patina_nb.engines.machine import findings


def test_every_row_says_something():
    rows = list(findings())
    assert all(row.topic == "machine" and row.detail for row in rows)
    assert all(not row.fix for row in rows if row.ok)


def test_a_setting_that_forbids_namespaces_comes_with_its_fix(monkeypatch, tmp_path):
    (tmp_path / "max_user_namespaces").write_text("0\n")
    monkeypatch.setattr(machine, "_SYSCTLS", {str(tmp_path / "max_user_namespaces"): ("0", "sysctl it")})
    (row,) = [row for row in findings() if row.name == "user namespaces"]
    assert not row.ok
    assert row.detail == "closed by max_user_namespaces = 0"
    assert row.fix == "sysctl it"


def test_a_machine_without_git(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    (row,) = [row for row in findings() if row.name == "git"]
    assert not row.ok
    assert "2.34" in row.fix
