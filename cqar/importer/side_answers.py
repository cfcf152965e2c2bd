"""Reads what a venue says beside its listing: currencies and last prices. Pure.

Every raw record has one outcome. Whatever is wrong with these answers, the listing stays: what
cannot be read is named and counted, an answer that is none of the request's is refused by itself.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from cqar.importer.market import Currency, LastPrice, Market, UnreadableRecord
from cqar.importer.readers.product_line import Answer, NotTheAnswer, Request, SideForm
from cqar.importer.record_fields import new_fields
from cqar_shared.domain import rules
from cqar_shared.domain.kinds.venue_asset import NETWORKS_MAX

#: Of one answer.
RECORDS_MAX: Final = 200_000
#: A ticker that is so much older than the newest one beside it is of another time.
STALE_AFTER: Final = dt.timedelta(minutes=10)
TWICE: Final = "the answers name it more than once"

T = TypeVar("T", Currency, LastPrice)


class NotRead(NamedTuple):
    """A record that could not be read, as the venue names it, and why."""

    name: str
    reason: str


class CurrencyAnswers:
    """What the answers say of a venue's codes.

    Attributes:
        found: Code -> what is said of it.
        records: Number of raw records: those of `found` and `unreadable` together.
        refused: Answers that were not read at all, for people.
        new_fields: Field that the reader does not know -> number of records that have it.
    """

    def __init__(self) -> None:
        self.found: dict[str, Currency] = {}
        self.records = 0
        self.unreadable: list[NotRead] = []
        self.refused: list[str] = []
        self.new_fields: Counter[str] = Counter()


class PriceAnswers:
    """What tickers say of a listing's spellings.

    Attributes:
        found: Spelling (the one that orders name the market by) -> its last price.
        outcomes: Outcome -> number of raw records. PRICED; NO_PRICE: zero or absent; IDLE:
            nothing was traded, or the ticker is older than the others; UNLISTED: of no market
            that was read; UNREADABLE.
        newest: The newest instant that a ticker states of itself.
    """

    def __init__(self) -> None:
        self.found: dict[str, Decimal] = {}
        self.outcomes: Counter[str] = Counter()
        self.unreadable: list[NotRead] = []
        self.refused: list[str] = []
        self.newest: dt.datetime | None = None

    @property
    def records(self) -> int:
        return self.outcomes.total()


def first_answered(
    forms: Iterable[SideForm[Any, T]], answers: Mapping[Request, list[Answer]]
) -> SideForm[Any, T] | None:
    """The form to read: of several that are answered the first says most."""
    return next((f for f in forms if any(request in answers for request in f.requests)), None)


def read_currencies(
    form: SideForm[Any, Currency], answers: Mapping[Request, list[Answer]]
) -> CurrencyAnswers:
    """Read the records of currencies.

    Args:
        answers: Of the listing's requests, too: some hold what is said of codes.
    """
    result = CurrencyAnswers()
    read: list[Currency] = []
    for name, record, found in _records(form, answers, result.refused):
        result.records += 1
        if isinstance(found, Currency):
            try:
                _require_sound(found)
            except UnreadableRecord as error:
                result.unreadable.append(NotRead(name, str(error)))
            else:
                read.append(found)
                result.new_fields.update(new_fields(record, form.record))
        else:
            result.unreadable.append(NotRead(name, found))
    counts = Counter(currency.code for currency in read)
    for currency in read:
        if counts[currency.code] > 1:
            result.unreadable.append(NotRead(currency.code, TWICE))
        else:
            result.found[currency.code] = currency
    return result


def read_prices(
    form: SideForm[Any, LastPrice],
    answers: Mapping[Request, list[Answer]],
    markets: Iterable[Market],
) -> PriceAnswers:
    """Read tickers of markets; a ticker may name a market by any of its spellings."""
    result = PriceAnswers()
    read: list[LastPrice] = []
    for name, _, found in _records(form, answers, result.refused):
        if isinstance(found, LastPrice):
            read.append(found)
        else:
            result.outcomes["UNREADABLE"] += 1
            result.unreadable.append(NotRead(name, found))
    result.newest = max((p.at for p in read if p.at is not None), default=None)
    spelling_of = _spellings(markets)
    named: dict[str, list[LastPrice]] = {}
    for price in read:
        spelling = spelling_of.get(price.spelling)
        if spelling is None:
            result.outcomes["UNLISTED"] += 1
        else:
            named.setdefault(spelling, []).append(price)
    for spelling, prices in named.items():
        if len(prices) > 1:
            result.outcomes["UNREADABLE"] += len(prices)
            result.unreadable += [NotRead(spelling, TWICE)] * len(prices)
            continue
        result.outcomes[_outcome(prices[0], result.newest)] += 1
        if _outcome(prices[0], result.newest) == "PRICED" and prices[0].price is not None:
            result.found[spelling] = prices[0].price
    return result


def _outcome(price: LastPrice, newest: dt.datetime | None) -> str:
    if price.price is None:
        return "NO_PRICE"
    is_stale = price.at is not None and newest is not None and newest - price.at > STALE_AFTER
    return "IDLE" if price.is_idle or is_stale else "PRICED"


def _spellings(markets: Iterable[Market]) -> dict[str, str]:
    """Any spelling -> the one of orders. An alias that two markets have names neither."""
    markets = list(markets)
    aliases: dict[str, set[str]] = {}
    for market in markets:
        for alias in market.aliases:
            aliases.setdefault(alias.spelling, set()).add(market.spelling)
    found = {alias: next(iter(own)) for alias, own in aliases.items() if len(own) == 1}
    return found | {market.spelling: market.spelling for market in markets}


def _records(
    form: SideForm[Any, T], answers: Mapping[Request, list[Answer]], refused: list[str]
) -> Iterator[tuple[str, Any, T | str]]:
    """(name, raw record, what it says, or why it cannot be read) of each.

    Args:
        refused: Gets a line for answers that are none of their requests'.
    """
    for part in _parts(form, answers):
        names = ", ".join(answer.name for given in part.values() for answer in given)
        try:
            for count, row in enumerate(form.rows(part), 1):
                if count > RECORDS_MAX:
                    refused.append(f"{names}: only {RECORDS_MAX} records were read")
                    break
                yield row.name, row.record, _read(form, row.record)
        except NotTheAnswer as error:
            refused.append(f"{names}: not the answer that it was named: {error}")


def _parts(
    form: SideForm[Any, T], answers: Mapping[Request, list[Answer]]
) -> Iterator[dict[Request, list[Answer]]]:
    """The answers one by one, so that what is wrong with one loses no other; or all that join."""
    own = {request: answers[request] for request in form.requests if request in answers}
    if form.joins:
        yield own
        return
    for request, given in own.items():
        for answer in given:
            yield {request: [answer]}


def _read(form: SideForm[Any, T], record: Any) -> T | str:
    try:
        return form.read(msgspec.convert(record, form.record))
    except (UnreadableRecord, msgspec.ValidationError, UnicodeEncodeError) as error:
        return str(error)


def _require_sound(currency: Currency) -> None:
    """Refuse what the registry cannot hold of a code, whatever the reader made of it.

    Raises:
        UnreadableRecord: A code, a network or an address that cannot be one, or too many.
    """
    texts = {"code": currency.code}
    for place, network in enumerate(currency.networks):
        texts[f"networks[{place}]"] = network.network
        if network.contract_address is not None:
            texts[f"networks[{place}].contract_address"] = network.contract_address
    texts |= {f"contracts[{place}]": text for place, text in enumerate(currency.contracts)}
    for field, text in texts.items():
        if wrong := next(iter(rules.check_printable(field, text)), None):
            raise UnreadableRecord(f"{field} {wrong.message}")
    if len(currency.networks) > NETWORKS_MAX:
        raise UnreadableRecord(f"it has {len(currency.networks)} networks: over {NETWORKS_MAX}")
    if len({network.network for network in currency.networks}) < len(currency.networks):
        raise UnreadableRecord("it names a network twice")
    name = currency.name
    if name is not None and (len(name) > rules.NAME_CHARS_MAX or not name.isprintable()):
        raise UnreadableRecord("its name cannot be one")
