"""Bitfinex: spot pairs and perpetual derivatives, from its `conf` lists and maps.

A record is the name of a pair, three and three letters, or two codes around a colon; what the maps
and the information on pairs say of it is added. Amounts of orders are in the base, also of
derivatives. Prices have "5 significant digits for all pairs" (documentation, "Price precision");
no answer states a tick or a lot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from cqar.importer.market import Code, Market, UnreadableRecord, UnsupportedRecord
from cqar.importer.readers import bitfinex_currencies
from cqar.importer.readers.fields import limit, rate
from cqar.importer.readers.product_line import (
    Answers,
    Form,
    NotTheAnswer,
    ProductLine,
    RawRecord,
    Request,
    Row,
)
from cqar.importer.readers.tickers import TickerFields, tickers
from cqar_shared.domain.kinds.symbol import ContractKindCode, SymbolTypeCode, UnderlyingClassCode
from cqar_shared.domain.kinds.venue_symbol import OrderUnitCode

_Sections = Mapping[str, list[Any]]

_SPOT: Final = "exchange"
_DERIVATIVES: Final = "futures"
_SIGNIFICANT_DIGITS: Final = 5
_SHORT_CODE_CHARS: Final = 3
_DERIVATIVE_SUFFIX: Final = "F0"
#: Derivatives of indices (announcements of 2020-05-06 and 2020-09-28); no answer says so.
_INDICES: Final = frozenset({"BTCDOM", "EUROPE50IX", "GERMANY30IX"})
#: Coins of the venue's tests are called TEST…; these two are in `map:currency:sym`: AAA is TESTAAA.
_TEST_CODES: Final = frozenset({"AAA", "BBB"})
_TEST_PREFIX: Final = "TEST"
#: Places in the information on a pair: MIN_ORDER_SIZE, MAX_ORDER_SIZE, INITIAL_MARGIN, MIN_MARGIN.
_MIN_SIZE: Final = 3
_MAX_SIZE: Final = 4
_INITIAL_MARGIN: Final = 8
_MIN_MARGIN: Final = 9


_PAIRS: Final = "pub:list:pair:exchange"
_FUTURES: Final = "pub:list:pair:futures"
_FORMER_FUTURES: Final = "pub:list:pair:future"
_INFO: Final = "pub:info:pair"
_INFO_FUTURES: Final = "pub:info:pair:futures"
_SYMBOLS: Final = "pub:map:currency:sym"
_LABELS: Final = "pub:map:currency:label"
_UNDERLYINGS: Final = "pub:map:currency:undl"
_CURRENCIES: Final = "pub:list:currency"
#: One request of ccxt: its keys are answered in their order.
_SEVERAL: Final = f"{_INFO},{_INFO_FUTURES},pub:list:pair:securities,pub:list:pair:margin"


class BitfinexCode(RawRecord, frozen=True):
    """What the maps say of a code.

    Attributes:
        symbol: Its usual spelling: UST is USDt.
        underlying: The code that a derivative's code stands for: BTCF0 is BTC.
    """

    code: str = msgspec.field(name="@code")
    symbol: str | None = msgspec.field(default=None, name="@symbol")
    label: str | None = msgspec.field(default=None, name="@label")
    underlying: str | None = msgspec.field(default=None, name="@underlying")


class BitfinexPair(RawRecord, frozen=True):
    pair: str = msgspec.field(name="@pair")
    list: str = msgspec.field(name="@list")
    base: BitfinexCode | None = msgspec.field(default=None, name="@base")
    quote: BitfinexCode | None = msgspec.field(default=None, name="@quote")
    min_size: str | None = msgspec.field(default=None, name="@min_order_size")
    max_size: str | None = msgspec.field(default=None, name="@max_order_size")
    initial_margin: str | None = msgspec.field(default=None, name="@initial_margin")
    min_margin: str | None = msgspec.field(default=None, name="@min_margin")


def read_pair(record: BitfinexPair) -> Market | UnsupportedRecord:
    """A pair; orders name it with a `t` before. Margins of spot pairs are those of borrowing."""
    spelling = f"t{record.pair}"
    if record.base is None or record.quote is None:
        raise UnreadableRecord(f"{record.pair[:80]!r} is not two codes")
    if _is_test(record.base) or _is_test(record.quote):
        return UnsupportedRecord(spelling, "TEST", "a pair of the venue's tests, without value")
    is_derivative = record.list == _DERIVATIVES
    for code in (record.base.code, record.quote.code):
        if code.endswith(_DERIVATIVE_SUFFIX) != is_derivative:
            raise UnreadableRecord(f"{code[:80]} in the list of {record.list} pairs")
    base, quote = _code(record.base), _code(record.quote)
    is_index = is_derivative and base.ticker in _INDICES
    return Market(
        spelling=spelling,
        symbol_type=SymbolTypeCode.PERPETUAL if is_derivative else SymbolTypeCode.SPOT,
        base=base,
        quote=quote,
        settlement=quote if is_derivative else None,
        underlying_class=UnderlyingClassCode.INDEX if is_index else None,
        underlying=base.ticker if is_index else None,
        contract_kind=ContractKindCode.LINEAR if is_derivative else None,
        order_unit=OrderUnitCode.BASE,
        price_significant_digits=_SIGNIFICANT_DIGITS,
        min_order_size=limit(record.min_size, "MIN_ORDER_SIZE"),
        max_order_size=limit(record.max_size, "MAX_ORDER_SIZE"),
        initial_margin_rate=rate(record.initial_margin, "INITIAL_MARGIN")
        if is_derivative
        else None,
        maintenance_margin_rate=rate(record.min_margin, "MIN_MARGIN") if is_derivative else None,
    )


def _is_test(code: BitfinexCode) -> bool:
    names = (code.code, code.symbol or "")
    return code.code in _TEST_CODES or any(name.startswith(_TEST_PREFIX) for name in names)


def _code(code: BitfinexCode) -> Code:
    """A code. The suffix F0 marks a derivative's; only the maps say what else differs."""
    plain = code.underlying or _plain(code.code)
    return Code(code.code, code.symbol.upper() if code.symbol else plain, code.label or None)


def _plain(code: str) -> str:
    return code.removesuffix(_DERIVATIVE_SUFFIX)


def _rows(answers: Answers) -> Iterator[Row]:
    """All pairs of the lists, and those that only the information on pairs has."""
    sections = _sections(answers)
    maps = _Maps(sections)
    for kind, lists, info in (
        (_SPOT, (_PAIRS,), _INFO),
        (_DERIVATIVES, (_FUTURES, _FORMER_FUTURES), _INFO_FUTURES),
    ):
        known = dict(_entries(sections, info))
        names = [name for key in lists for name in sections.get(key, ())]
        listed = {name for name in names if isinstance(name, str)}
        for name in (*names, *(name for name in known if name not in listed)):
            values = known.get(name) if isinstance(name, str) else None
            yield Row(str(name), _record(name, kind, values, maps))


def _record(name: Any, kind: str, values: Any, maps: _Maps) -> dict[str, Any]:
    codes = _split(name)
    return {
        "@pair": name,
        "@list": kind,
        "@base": maps.of(codes[0]) if codes else None,
        "@quote": maps.of(codes[1]) if codes else None,
        "@min_order_size": _at(values, _MIN_SIZE),
        "@max_order_size": _at(values, _MAX_SIZE),
        "@initial_margin": _at(values, _INITIAL_MARGIN),
        "@min_margin": _at(values, _MIN_MARGIN),
    }


def _split(name: Any) -> tuple[str, str] | None:
    if not isinstance(name, str):
        return None
    base, colon, quote = name.partition(":")
    if not colon and len(name) == 2 * _SHORT_CODE_CHARS:
        base, quote = name[:_SHORT_CODE_CHARS], name[_SHORT_CODE_CHARS:]
    return (base, quote) if base and quote and ":" not in quote else None


def _at(values: Any, place: int) -> Any:
    return values[place] if isinstance(values, list) and len(values) > place else None


class _Maps:
    """What the venue's maps say of its codes."""

    def __init__(self, sections: _Sections) -> None:
        self._symbols = dict(_entries(sections, _SYMBOLS))
        self._labels = dict(_entries(sections, _LABELS))
        self._underlyings = dict(_entries(sections, _UNDERLYINGS))

    def of(self, code: str) -> dict[str, Any]:
        """A code as BitfinexCode. A derivative's code has the names of its underlying."""
        underlying = self._underlyings.get(code)
        plain = underlying if isinstance(underlying, str) else code.removesuffix(_DERIVATIVE_SUFFIX)
        return {
            "@code": code,
            "@underlying": underlying,
            "@symbol": self._symbols.get(plain),
            "@label": self._labels.get(plain),
        }


def _entries(sections: _Sections, key: str) -> Iterator[tuple[str, Any]]:
    """The entries of a map, or of the information on pairs: `["UST", "USDt"]`."""
    for entry in sections.get(key, ()):
        if not isinstance(entry, list) or len(entry) < len(("key", "value")):
            raise NotTheAnswer(f"{key} has an entry that is no pair: {str(entry)[:80]}")
        yield str(entry[0]), entry[1]


def _sections(answers: Answers) -> _Sections:
    """Key -> the list that answers it: the answer to one key is `[[...]]`.

    Raises:
        NotTheAnswer: An answer has not one list for each key. An error is a list, too:
            `["error", 10020, "request: invalid"]`.
    """
    found: dict[str, list[Any]] = {}
    for request, given in answers.items():
        keys = request.path.rpartition("/")[2].split(",")
        for answer in given:
            value = answer.value
            if not isinstance(value, list) or len(value) != len(keys):
                raise NotTheAnswer(f"it is no list of {len(keys)} lists: {str(value)[:200]}")
            for key, section in zip(keys, value, strict=True):
                if not isinstance(section, list):
                    raise NotTheAnswer(f"it has no list for {key}: {str(value)[:200]}")
                found.setdefault(key, []).extend(section)
    return found


def _conf(*keys: str) -> tuple[Request, ...]:
    host = "api-pub.bitfinex.com/v2/conf"
    return tuple(Request(f"{host}/{key}", is_former=key == _FORMER_FUTURES) for key in keys)


_OF_SPOT: Final = _conf(_PAIRS, _INFO)
_OF_DERIVATIVES: Final = _conf(_FUTURES, _FORMER_FUTURES, _INFO_FUTURES)
_TYPES: Final = {
    **dict.fromkeys(_OF_SPOT, frozenset({SymbolTypeCode.SPOT})),
    **dict.fromkeys(_OF_DERIVATIVES, frozenset({SymbolTypeCode.PERPETUAL})),
}

PRODUCT_LINES: Final = (
    ProductLine(
        venue_id="bitfinex",
        name="Bitfinex",
        operator="bitfinex",
        plain_code=_plain,
        forms=(
            Form(
                lists=(*_OF_SPOT, *_OF_DERIVATIVES, *_conf(_SEVERAL)),
                also=_conf(_SYMBOLS, _LABELS, _UNDERLYINGS, _CURRENCIES),
                record=BitfinexPair,
                rows=_rows,
                read=read_pair,
                types=_TYPES,
            ),
        ),
        symbol_types=frozenset({SymbolTypeCode.SPOT, SymbolTypeCode.PERPETUAL}),
        currencies=bitfinex_currencies.currency_forms(
            _conf(_CURRENCIES, _LABELS, bitfinex_currencies.METHODS, bitfinex_currencies.STATUS),
            _sections,
        ),
        prices=(
            # A ticker is a list: SYMBOL, …, LAST_PRICE at 7, VOLUME at 8.
            tickers(
                Request("api-pub.bitfinex.com/v2/tickers", query=(("symbols", "ALL"),)),
                fields=TickerFields(spelling="0", last="7", traded="8"),
            ),
        ),
        ccxt_id="bitfinex",
        documentation=(
            "https://docs.bitfinex.com/reference/rest-public-conf",
            "https://docs.bitfinex.com/docs/introduction#price-precision",
        ),
    ),
)
