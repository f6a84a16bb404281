"""What a frame is, as data: its key, its columns, their types and units, and when a value is unknown.

The documentation page, the help, the empty frames and every check are made from these descriptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from patina_nb.errors import PatinaError

from .words import places

if TYPE_CHECKING:
    import pandas as pd

DType = Literal["string", "Int64", "Float64", "boolean", "datetime64[us, UTC]", "category"]

_SHOWN = 5  # examples in a message


class FrameError(PatinaError):
    """A frame cannot be made: its source is none, or what it holds does not fit the frame's columns."""


@dataclass(frozen=True)
class Column:
    """One column.

    `na` says when a value is unknown (empty = never), `values` is the closed set of a category.
    """

    name: str
    dtype: DType
    unit: str
    na: str
    help: str
    values: tuple[str, ...] = ()
    sensitive: bool = False  # can hold home directories or secrets: `redact=True` shortens or hashes it

    def pandas_dtype(self) -> Any:  # noqa: ANN401 - a dtype of pandas, which is not imported here
        """The dtype as pandas takes it."""
        import pandas as pd

        if self.dtype == "string":  # as text, "string" is equal to other dtypes too
            return pd.StringDtype()
        return pd.CategoricalDtype(list(self.values)) if self.dtype == "category" else self.dtype

    @property
    def shown_dtype(self) -> str:
        """The dtype as the documentation shows it."""
        return f"category ({', '.join(self.values)})" if self.values else self.dtype


@dataclass(frozen=True)
class Frame:
    """One frame: what a row stands for, the columns that tell rows apart, all columns in order."""

    name: str
    one_row_per: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        missing = set(self.key) - set(self.names)
        assert not missing, f"{self.name} has no column {missing}"

    @property
    def names(self) -> list[str]:
        """The names of the columns, in order."""
        return [column.name for column in self.columns]

    def empty(self) -> pd.DataFrame:
        """The whole schema with no rows."""
        import pandas as pd

        return pd.DataFrame({c.name: pd.Series([], dtype=c.pandas_dtype()) for c in self.columns})

    def conform(self, df: pd.DataFrame, *, check_key: bool = True) -> pd.DataFrame:
        """`df` with exactly the columns of this frame, in order and cast; a column it lacks is NA.

        Raises FrameError: a column we do not know, a value outside of a category's set, a value that the
        dtype cannot hold, a missing or repeated key.
        """
        import pandas as pd

        strangers = [name for name in df.columns if name not in self.names]
        if strangers:
            raise FrameError(
                f"{self.name} has no column {', '.join(map(repr, strangers))}: drop or rename it."
            )
        made = {column.name: self._cast(df, column) for column in self.columns}
        result = pd.DataFrame(made, index=df.index).reset_index(drop=True)
        if check_key:
            self._check_key(result)
        return result

    def _cast(self, df: pd.DataFrame, column: Column) -> pd.Series[Any]:
        import pandas as pd

        if column.name not in df.columns:
            return pd.Series(pd.NA, index=df.index, dtype="object").astype(column.pandas_dtype())
        values = df[column.name]
        if values.dtype == column.pandas_dtype():
            return values
        try:
            cast = _as_dtype(values, column)
        except (TypeError, ValueError, OverflowError) as error:
            raise FrameError(f"{self.name}.{column.name} cannot be {column.dtype}: {error}") from error
        lost = values[cast.isna() & values.notna()]
        if len(lost):
            examples = ", ".join(repr(str(value)[:40]) for value in lost.unique()[:_SHOWN])
            raise FrameError(
                f"{self.name}.{column.name} holds {examples}, which is not {column.shown_dtype}."
            )
        return cast

    def _check_key(self, df: pd.DataFrame) -> None:
        keys = df[list(self.key)]
        if any(keys[name].isna().any() for name in self.key):
            raise FrameError(f"{self.name} has a row without its key ({', '.join(self.key)}).")
        if len(self.key) == 1 and keys[self.key[0]].nunique() == len(keys):
            return  # much faster than to look for copies
        twice = keys[keys.duplicated()]
        if len(twice):
            example = ", ".join(str(value)[:60] for value in twice.iloc[0])
            raise FrameError(
                f"{self.name} has {len(twice)} rows whose key is taken already, such as {example}."
            )


def _as_dtype(values: pd.Series[Any], column: Column) -> pd.Series[Any]:
    """The values cast; those outside of a category's set become NA."""
    import pandas as pd

    if column.dtype == "datetime64[us, UTC]":
        return pd.to_datetime(values, utc=True).astype(column.dtype)
    if column.dtype == "category":
        codes = places(values, column.values)
        return pd.Series(pd.Categorical.from_codes(codes, dtype=column.pandas_dtype()), index=values.index)
    return values.astype(column.pandas_dtype())


def text(name: str, help: str, na: str = "", *, unit: str = "", sensitive: bool = False) -> Column:  # noqa: A002
    """A column of text: ids, names, paths."""
    return Column(name, "string", unit, na, help, sensitive=sensitive)


def count(name: str, help: str, na: str = "", *, unit: str = "") -> Column:  # noqa: A002
    """A column of whole numbers."""
    return Column(name, "Int64", unit, na, help)


def amount(name: str, help: str, na: str = "", *, unit: str) -> Column:  # noqa: A002
    """A column of numbers with a unit: seconds, dollars, shares from 0 to 1."""
    return Column(name, "Float64", unit, na, help)


def flag(name: str, help: str, na: str = "") -> Column:  # noqa: A002
    """A column of yes and no."""
    return Column(name, "boolean", "", na, help)


def instant(name: str, help: str, na: str = "") -> Column:  # noqa: A002
    """A column of times, in UTC."""
    return Column(name, "datetime64[us, UTC]", "UTC", na, help)


def choice(name: str, help: str, values: tuple[str, ...], na: str = "") -> Column:  # noqa: A002
    """A column whose values are a closed set."""
    return Column(name, "category", "", na, help, values)
