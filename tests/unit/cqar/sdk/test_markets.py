"""What a venue lists, as a table: rows, filters and frames with nothing rounded."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from cqc.resolver.v1 import resolver_pb2 as pb

import cqar
from cqar.sdk import decoding
from cqar.sdk.market_table import COLUMNS, SHOWN_MAX, Markets

FOUND = decoding.resolution(
    pb.Resolution(status=pb.RESOLUTION_STATUS_FOUND), decoding.freshness(pb.Freshness())
)
TINY = Decimal("0.000000000000000001")


def some_markets(count: int = 3) -> Markets:
    specs = [
        msgspec.structs.replace(FOUND.specs, tick_size=tick, lot_size=None)
        for tick in (TINY, Decimal("0.5"), Decimal("12345678901.25"))
    ]
    rows = [
        msgspec.structs.replace(FOUND, venue_symbol=f"A<{number}", specs=specs[number % 3])
        for number in range(count)
    ]
    return Markets("binance", rows)


def test_rows_are_resolutions_that_can_be_filtered_and_cut() -> None:
    markets = some_markets()
    assert (len(markets), markets[1].venue_symbol) == (3, "A<1")
    assert [one.venue_symbol for one in markets[1:]] == ["A<1", "A<2"]
    small = markets.where(lambda one: (one.specs.tick_size or 0) < 1)
    assert isinstance(small, Markets)
    assert len(small) == 2


def test_frames_hold_each_number_exactly() -> None:
    markets = some_markets()
    ticks = [TINY, Decimal("0.5"), Decimal("12345678901.25")]
    assert markets.columns()["tick_size"] == ticks
    assert list(markets.to_pandas()["tick_size"]) == ticks
    arrow = markets.to_arrow()
    assert arrow.column("tick_size").to_pylist() == ticks
    assert arrow.column("lot_size").to_pylist() == [None] * 3
    polars = markets.to_polars()
    assert polars["tick_size"].to_list() == ticks
    assert polars.columns == list(COLUMNS) == arrow.column_names


def test_what_has_too_many_digits_is_said_and_not_rounded() -> None:
    specs = msgspec.structs.replace(FOUND.specs, tick_size=Decimal("1e-39"))
    markets = Markets("binance", [msgspec.structs.replace(FOUND, specs=specs)])
    for make in (markets.to_arrow, markets.to_polars):
        with pytest.raises(cqar.Unsupported, match="tick_size needs more than 38 digits"):
            make()
    assert markets.to_pandas()["tick_size"][0] == Decimal("1e-39")


def test_no_markets_are_a_table_too() -> None:
    empty = Markets("binance", [])
    assert list(empty.to_pandas().columns) == list(COLUMNS)
    assert empty.to_arrow().num_rows == empty.to_polars().height == 0
    assert repr(empty).startswith("0 markets of binance")


def test_a_prompt_and_a_notebook_show_a_screen_of_it() -> None:
    many = some_markets(SHOWN_MAX + 5)
    lines = repr(many).splitlines()
    assert (lines[0], lines[-1]) == ("25 markets of binance", "… and 5 more")
    assert "0.000000000000000001" in lines[2]
    page = many._repr_html_()
    assert page.count("<tr>") == SHOWN_MAX + 1
    assert "A&lt;0" in page


def test_what_is_not_installed_is_said_with_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, make in (("pandas", "to_pandas"), ("polars", "to_polars"), ("pyarrow", "to_arrow")):
        monkeypatch.setitem(sys.modules, name, None)
        method: Any = getattr(some_markets(), make)
        with pytest.raises(cqar.Unsupported, match=r"pip install 'cqar\[tables\]'"):
            method()
