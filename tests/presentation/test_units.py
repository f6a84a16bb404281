"""Figures as text."""

from patina_nb.presentation.units import duration, plural


def test_durations():
    expected = {0.0042: "4 ms", 0.9999: "1.0 s", 9.96: "10.0 s", 59.96: "1 min 0 s", 200: "3 min 20 s"}
    for seconds, text in (expected | {7500: "2 h 5 min"}).items():
        assert duration(seconds) == text


def test_counts():
    assert [plural(number, "file") for number in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
