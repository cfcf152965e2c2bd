"""What a venue lists now, as a table: rows for programs, frames for those who analyse."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from enum import Enum
from importlib import import_module
from typing import Any, Final, overload

from cqar.sdk.errors import Unsupported
from cqar.sdk.results import Resolution

#: Column -> its value in a row.
COLUMNS: Final[dict[str, Callable[[Resolution], Any]]] = {
    "venue": lambda r: r.venue_id,
    "spelling": lambda r: r.venue_symbol,
    "symbol": lambda r: r.symbol.symbol,
    "type": lambda r: r.symbol.symbol_type,
    "base": lambda r: r.base.symbol,
    "quote": lambda r: r.quote.symbol,
    "settlement": lambda r: r.settlement.symbol,
    "status": lambda r: r.market_status,
    "tradeable": lambda r: r.tradeable.allowed,
    "order_unit": lambda r: r.specs.order_unit,
    "tick_size": lambda r: r.specs.tick_size,
    "lot_size": lambda r: r.specs.lot_size,
    "min_order_size": lambda r: r.specs.min_order_size,
    "max_order_size": lambda r: r.specs.max_order_size,
    "min_notional": lambda r: r.specs.min_notional,
    "contract_size": lambda r: r.specs.contract_size,
    "unit_multiplier": lambda r: r.specs.unit_multiplier,
    "maker_fee": lambda r: r.maker_fee,
    "taker_fee": lambda r: r.taker_fee,
    "expiry": lambda r: r.symbol.expiry,
    "strike_price": lambda r: r.symbol.strike_price,
    "listed_at": lambda r: r.listed_at,
    "ends_at": lambda r: r.ends_at,
    "symbol_id": lambda r: r.symbol.symbol_id,
    "base_asset_id": lambda r: r.base.asset_id,
    "quote_asset_id": lambda r: r.quote.asset_id,
}
#: Rows that a notebook or a prompt shows.
SHOWN_MAX: Final = 20
#: Digits of a decimal column of Arrow and Polars.
PRECISION: Final = 38
_SHOWN: Final = ("spelling", "symbol", "type", "status", "tradeable", "tick_size", "lot_size")


class Markets(Sequence[Resolution]):
    """Markets in the order of their spellings; aliases are left out.

    A slice and `where` give Markets again. Decimals stay exact: pandas has them as Decimal, Arrow
    and Polars as decimals of 38 digits. None is what is not known.
    """

    def __init__(self, venue: str, rows: Sequence[Resolution]) -> None:
        self.venue = venue
        self._rows = tuple(rows)

    @overload
    def __getitem__(self, place: int) -> Resolution: ...

    @overload
    def __getitem__(self, place: slice) -> Markets: ...

    def __getitem__(self, place: int | slice) -> Resolution | Markets:
        if isinstance(place, slice):
            return Markets(self.venue, self._rows[place])
        return self._rows[place]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Resolution]:
        return iter(self._rows)

    def where(self, is_wanted: Callable[[Resolution], bool]) -> Markets:
        """The markets that are wanted: `markets.where(lambda m: m.tradeable)`."""
        return Markets(self.venue, [row for row in self._rows if is_wanted(row)])

    def columns(self) -> dict[str, list[Any]]:
        """Column -> values in the order of rows, enumerations as words."""
        return {
            name: [_plain(value_of(row)) for row in self._rows]
            for name, value_of in COLUMNS.items()
        }

    def to_pandas(self) -> Any:
        """A pandas.DataFrame; decimals are Decimal, so that nothing is rounded.

        Raises:
            Unsupported: pandas is not installed.
        """
        return _package("pandas").DataFrame(self.columns())

    def to_arrow(self) -> Any:
        """A pyarrow.Table.

        Raises:
            Unsupported: pyarrow is not installed, or a number needs more than 38 digits.
        """
        arrow = _package("pyarrow")
        arrays = {
            name: arrow.array(values, arrow.decimal128(PRECISION, scale))
            if (scale := _scale(name, values)) is not None
            else arrow.array(values)
            for name, values in self.columns().items()
        }
        return arrow.table(arrays)

    def to_polars(self) -> Any:
        """A polars.DataFrame.

        Raises:
            Unsupported: polars is not installed, or a number needs more than 38 digits.
        """
        polars = _package("polars")
        series = [
            polars.Series(name, values, dtype=polars.Decimal(PRECISION, scale))
            if (scale := _scale(name, values)) is not None
            else polars.Series(name, values)
            for name, values in self.columns().items()
        ]
        return polars.DataFrame(series)

    def __repr__(self) -> str:
        rows = [_SHOWN, *self._shown()]
        widths = [max(len(row[place]) for row in rows) for place in range(len(_SHOWN))]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        return "\n".join([self._title(), *lines, *self._more()])

    def _repr_html_(self) -> str:
        cells = "".join(f"<th>{name}</th>" for name in _SHOWN)
        rows = "".join(
            f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>"
            for row in self._shown()
        )
        caption = html.escape(" ".join([self._title(), *self._more()]))
        return f"<table><caption>{caption}</caption><tr>{cells}</tr>{rows}</table>"

    def _title(self) -> str:
        return f"{len(self)} markets of {self.venue}"

    def _more(self) -> list[str]:
        return [f"… and {len(self) - SHOWN_MAX} more"] if len(self) > SHOWN_MAX else []

    def _shown(self) -> list[tuple[str, ...]]:
        return [
            tuple(_word(_plain(COLUMNS[name](row))) for name in _SHOWN)
            for row in self._rows[:SHOWN_MAX]
        ]


def _plain(value: Any) -> Any:
    return value.name if isinstance(value, Enum) else value


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def _scale(name: str, values: list[Any]) -> int | None:
    """Digits after the point that a column of decimals needs; None of another column.

    Raises:
        Unsupported: With those before the point they are more than 38.
    """
    numbers = [value for value in values if isinstance(value, Decimal)]
    if not numbers:
        return 0 if name.endswith(("_size", "_fee", "_notional", "_price", "_multiplier")) else None
    scale = max(max(0, -int(number.as_tuple().exponent)) for number in numbers)
    whole = max(number.adjusted() + 1 for number in numbers)
    if scale + max(whole, 1) > PRECISION:
        raise Unsupported(f"{name} needs more than {PRECISION} digits: use columns() or to_pandas")
    return scale


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise Unsupported(f"{name} is not installed: pip install 'cqar[tables]'") from error
