"""From DuckDB and Arrow to pandas."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from patina_nb.frames.reading import arrow
from patina_nb.frames.reading.arrow import in_order, reason, to_pandas


@pytest.mark.parametrize("limit", [0, 1 << 31], ids=["large texts", "small texts"])
def test_rows_are_put_in_order_and_unknown_values_come_last(limit, monkeypatch):
    monkeypatch.setattr(arrow, "_TEXT_LIMIT", limit)
    parts = [{"at": [3, None, 1], "place": [0, 1, 2], "text": ["c", "none", None]}]
    parts += [{"at": [1, 2], "place": [1, 0], "text": ["first", "b"]}]
    table = pa.concat_tables([pa.table(part) for part in parts])
    rows = to_pandas(in_order(table, ["at", "place"]))
    assert rows["text"].fillna("-").to_list() == ["first", "-", "b", "c", "none"]
    assert rows["at"].fillna(-1).to_list() == [1, 1, 2, 3, -1]
    assert rows["text"].dtype == pd.StringDtype()
    assert len(to_pandas(in_order(table[:0], ["at"]))) == 0


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("IO Error: no such file\nLINE 1: ...", "IO Error: no such file"),
        ('Traceback (most recent call last):\n  File "x.py", line 1\nValueError: no\n', "ValueError: no"),
        ("Traceback (most recent call last):", "Traceback (most recent call last):"),
        ("", "ValueError"),
    ],
)
def test_what_went_wrong_is_one_line(text, line):
    assert reason(ValueError(text)) == line
