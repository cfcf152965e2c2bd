"""Tickers: where each venue's answer has the spelling, the last price, and when it was so. Pure.

An answer is read in two forms. One is the venue's own: a list (or an object) at a known place. The
other is the dump of a collector that asks through ccxt, `{"BTC/USDT": the venue's own ticker}`: an
object that has nothing at that place and at least one key with a `/`. Its keys are ccxt's words and
name a market only where the ticker itself does not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from cqar.importer.market import LastPrice
from cqar.importer.readers.fields import iso, limit, milliseconds, number, seconds, text
from cqar.importer.readers.product_line import (
    Answers,
    NotTheAnswer,
    RawRecord,
    Request,
    Row,
    SideForm,
    answers_to,
    entries_at,
    objects_at,
)

_Instant = Callable[[str | None, str], dt.datetime | None]
MILLISECONDS: Final[_Instant] = milliseconds
SECONDS: Final[_Instant] = seconds
ISO: Final[_Instant] = iso
#: A record's key in an object of tickers.
KEY: Final = "@key"


class Ticker(RawRecord, frozen=True):
    """A ticker in one shape, whatever the venue calls its fields."""

    spelling: str | None = None
    last: str | None = None
    at: str | None = None
    traded: str | None = None


class TickerFields(NamedTuple):
    """Where a venue's ticker has what. A name with dots leads inward: `c.0`; empty: nowhere.

    Attributes:
        place: Keys that lead to the tickers in the venue's own answer.
        is_keyed: Whether they are an object by spelling, not a list.
        spelling, last: Fields of the spelling and of the last price.
        at: Field of the ticker's instant, in `unit`.
        clock: Field of the answer that has the instant of all tickers.
        traded: Field of a number that is zero where nothing was traded in the ticker's period.
        spell: Makes the listing's spelling of the ticker's.
    """

    place: tuple[str, ...] = ()
    is_keyed: bool = False
    spelling: str = "symbol"
    last: str = "last"
    at: str = ""
    unit: _Instant = milliseconds
    clock: str = ""
    traded: str = ""
    spell: Callable[[str], str] = str


BINANCE_24HR: Final = TickerFields(last="lastPrice", at="closeTime", traded="count")
BINANCE_PRICE: Final = TickerFields(last="price", at="time")


def tickers(*requests: Request | str, fields: TickerFields) -> SideForm[Ticker, LastPrice]:
    """The form of a venue's tickers.

    Args:
        requests: A text is a request's path, without a query.
    """
    asked = tuple(Request(r) if isinstance(r, str) else r for r in requests)

    def rows(answers: Answers) -> Iterable[Row]:
        for answer in answers_to(answers, *answers):
            yield from _rows(answer.value, fields)

    def read(record: Ticker) -> LastPrice:
        price = limit(record.last, fields.last)
        # A change of price may be negative; a volume is not.
        traded = number(record.traded, fields.traded)
        return LastPrice(
            spelling=fields.spell(text(record.spelling, fields.spelling)),
            price=price,
            at=fields.unit(record.at, fields.at or fields.clock),
            is_idle=traded == 0,
        )

    return SideForm(requests=asked, record=Ticker, rows=rows, read=read)


def _rows(answer: Any, fields: TickerFields) -> Iterator[Row]:
    found = _own_rows(answer, fields)
    clock = value_at(answer, fields.clock)
    for row in found:
        record = row.record
        if not isinstance(record, dict | list):
            yield row
            continue
        shaped = {
            "spelling": value_at(record, fields.spelling) or value_at(record, KEY),
            "last": value_at(record, fields.last),
            "at": value_at(record, fields.at) or clock,
            "traded": value_at(record, fields.traded),
        }
        name = shaped["spelling"]
        yield Row(name if isinstance(name, str) and name else row.name, shaped)


def _own_rows(answer: Any, fields: TickerFields) -> Iterator[Row]:
    if is_dump(answer, fields.place, is_keyed=fields.is_keyed):
        return entries_at(answer)
    if fields.is_keyed:
        return entries_at(answer, *fields.place)
    if not fields.place and isinstance(answer, dict):
        # One ticker alone: the venue was asked for one spelling.
        if value_at(answer, fields.last) is None:
            raise NotTheAnswer("it is no list of tickers")
        return iter((Row(str(value_at(answer, fields.spelling))[:128], answer),))
    return objects_at(answer, *fields.place, name=fields.spelling)


def is_dump(answer: Any, place: tuple[str, ...], *, is_keyed: bool) -> bool:
    """Whether an answer is `{ccxt symbol: ticker}`, not the venue's own form."""
    if not isinstance(answer, dict) or (place and place[0] in answer):
        return False
    if is_keyed and not place:
        # The venue's own answer is such an object.
        return False
    return any("/" in key and isinstance(value, dict | list) for key, value in answer.items())


def value_at(record: Any, path: str) -> Any:
    """What a path of keys and places leads to; None: nothing."""
    if not path:
        return None
    for part in path.split("."):
        if isinstance(record, dict):
            record = record.get(part)
        elif isinstance(record, list) and part.isdecimal() and int(part) < len(record):
            record = record[int(part)]
        else:
            return None
    return record
