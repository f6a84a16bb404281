"""Columns of a few different words, looked up all at once instead of one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def places(words: pd.Series[Any], among: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Where in `among` each word is; -1 for NA and a word that is not there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pa.array(words.astype("string")).cast(pa.large_string())
    found = pc.index_in(text, value_set=pa.array(list(among), pa.large_string()))
    where: np.ndarray[Any, np.dtype[np.int32]] = found.fill_null(-1).to_numpy(zero_copy_only=False)
    return where


def translated(words: pd.Series[Any], by: Mapping[str, str]) -> pd.Series[Any]:
    """Each word as `by` says it; NA for one of which it says nothing."""
    import pandas as pd

    meanings = pd.array(list(by.values()), dtype="string")
    return pd.Series(meanings.take(places(words, list(by)), allow_fill=True), index=words.index)
