"""Words are looked up all at once, with the same answer as one by one."""

from __future__ import annotations

import pandas as pd
import pytest

from patina_nb.frames.words import places, translated

WORDS = ["ok", None, "no", "ok", "é" * 30, ""]


@pytest.mark.parametrize("dtype", ["string", "object", "category"])
def test_each_word_has_its_place_or_none(dtype):
    words = pd.Series(WORDS, dtype=dtype, index=range(10, 16))
    assert places(words, ["no", "ok", "é" * 30]).tolist() == [1, -1, 0, 1, 2, -1]
    assert places(words, []).tolist() == [-1] * 6
    assert places(words[:0], ["ok"]).tolist() == []


@pytest.mark.parametrize("dtype", ["string", "object", "category"])
def test_a_word_that_nothing_is_said_of_is_na(dtype):
    words = pd.Series(WORDS, dtype=dtype, index=range(10, 16))
    expected = words.astype("string").map({"ok": "yes", "no": "yes"}).astype("string")
    pd.testing.assert_series_equal(translated(words, {"ok": "yes", "no": "yes"}), expected)
    assert translated(words, {}).isna().all()
