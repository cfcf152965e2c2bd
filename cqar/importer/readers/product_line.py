"""What a reader declares: a venue's product lines, their requests, records and pure functions.

    answers ── rows ──▶ raw records ── msgspec ──▶ struct ── read ──▶ Market | UnsupportedRecord

A reader is a module of this package with `PRODUCT_LINES`. Nothing in it does I/O: `reading`
decodes answers, calls it, and turns what it raises into an outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar
from urllib.parse import parse_qsl

import msgspec

from cqar.importer.market import Currency, LastPrice, Market, UnsupportedRecord
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue import EnvironmentCode


class RawRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A venue's record: the fields that a reader uses. Numbers are texts, as the venue wrote them.

    A subclass repeats `frozen=True`: `class Pair(RawRecord, frozen=True, rename="camel")`.

    A field that may be absent has the default None. JSON's true and null are True and None.

    Attributes:
        UNUSED: Names of fields that the venue sends and the reader does not need. A field that is
            neither declared nor named here is new: the plan says so.
    """

    UNUSED: ClassVar[frozenset[str]] = frozenset()

    def new_parts(self) -> tuple[str, ...]:
        """Names of parts of the record that the reader does not know, such as a kind of filter."""
        return ()


R = TypeVar("R", bound=RawRecord)
T = TypeVar("T")


class Request(msgspec.Struct, frozen=True):
    """A request of a venue's public API, and so the name of the file that holds its answer.

    Attributes:
        path: From the host on: `api.binance.com/api/v3/exchangeInfo`.
        query: Pairs that are in its query, or in the body of a POST: `("instType", "SPOT")`.
        is_post: Whether they are sent as a JSON body.
        pages: Name of the query's field that asks for the next page; empty if all comes at once.
        narrows: Fields of a query that narrow an answer to a part, such as `uly` for one
            underlying: such an answer says nothing about the other parts.
        is_former: Whether the venue no longer answers it: files of its time are still read.
    """

    path: str
    query: tuple[tuple[str, str], ...] = ()
    is_post: bool = False
    pages: str = ""
    narrows: tuple[str, ...] = ()
    is_former: bool = False

    @property
    def short_name(self) -> str:
        """The end of its path, and its query, for messages."""
        return self.ending(2)

    def ending(self, parts: int) -> str:
        """So many of the last parts of its path, and its query."""
        end = "/".join(self.path.rstrip("/").split("/")[-parts:])
        query = "&".join(f"{name}={value}" for name, value in self.query)
        return f"{end}?{query}" if query else end


class Answer(NamedTuple):
    """One answer.

    Attributes:
        query: What its request said beyond the declared query: the page, the underlying.
        name: The name that the file was given.
        value: Decoded JSON; its numbers are texts.
    """

    query: Mapping[str, str]
    value: Any
    name: str = ""


class Row(NamedTuple):
    """One raw record.

    Attributes:
        name: What messages call it: its spelling, if it has one.
        record: Normally an object. What the venue says beside the record, such as its key, is
            added under a name that begins with `@`.
    """

    name: str
    record: Any


class NotTheAnswer(ValueError):
    """An answer that is not one of the request's: says what is wrong with it."""


#: By request, all of its pages or parts; a request that was not answered is absent.
Answers = Mapping[Request, list[Answer]]
Covers = Callable[[Mapping[str, str], str, SymbolTypeCode], bool]


def covers_all(_query: Mapping[str, str], _spelling: str, _type: SymbolTypeCode) -> bool:
    return True


def is_whole(_answers: Answers) -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Form(Generic[R]):
    """One shape of a venue's records: today's, or one of a former version of its API.

    Attributes:
        lists: The requests whose answers hold the records; it is read if one of them is answered.
        also: Requests whose answers `rows` takes in addition, if they are there.
        record: The shape of a raw record.
        rows: All raw records of the answers, in their order. Raises NotTheAnswer.
        read: A record's market. Pure. Raises UnreadableRecord.
        covers: (query of a narrowed answer, spelling, type) -> whether the answer would hold this
            spelling if it was listed.
        types: Request -> the types that its answer covers; one that is not there covers all of
            the line's.
        incomplete: Why the answers do not hold all that was asked for, such as a missing page.
        next_page: An answer's value of the request's field `pages` for the next page; empty on
            the last one.
    """

    lists: tuple[Request, ...]
    also: tuple[Request, ...] = ()
    record: type[R]
    rows: Callable[[Answers], Iterable[Row]]
    read: Callable[[R], Market | UnsupportedRecord]
    covers: Covers = covers_all
    types: Mapping[Request, frozenset[SymbolTypeCode]] = field(default_factory=dict)
    incomplete: Callable[[Answers], str | None] = is_whole
    next_page: Callable[[Any], str] = lambda _: ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SideForm(Generic[R, T]):
    """One shape of records beside the listing: of currencies, or of tickers.

    Attributes:
        requests: Whose answers hold the records. A request of the listing itself may be among
            them: its records then say this, too.
        record: The shape of a raw record.
        rows: All raw records of the answers, in their order. Raises NotTheAnswer.
        read: What a record says. Pure. Raises UnreadableRecord.
        joins: Whether records are made of several requests' answers together.
        is_private: Whether the venue answers only those who sign: `--live` does not ask it.
    """

    requests: tuple[Request, ...]
    record: type[R]
    rows: Callable[[Answers], Iterable[Row]]
    read: Callable[[R], T]
    joins: bool = False
    is_private: bool = False


CurrencyForm = SideForm[Any, Currency]
PriceForm = SideForm[Any, LastPrice]


def matching(name: str, requests: Iterable[Request]) -> tuple[Request, dict[str, str]] | None:
    """The request that a file's name means, and what the name says beyond it.

    The name is the end of the request's path by whole parts, with as much of host and query as it
    takes to tell requests apart. Of several requests it means the first.
    """
    asked, _, query = name.partition("?")
    given = dict(parse_qsl(query))
    for request in requests:
        declared = dict(request.query)
        is_path = f"/{request.path}".rstrip("/").endswith("/" + asked.strip("/"))
        if is_path and all(given.get(key, value) == value for key, value in declared.items()):
            return request, {k: v for k, v in given.items() if k not in declared}
    return None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProductLine:
    """A namespace of spellings at a venue: one venue of the registry.

    Attributes:
        venue_id: In the registry: the operator's, with the line where it has several.
        operator: Venues of one operator share codes of assets.
        forms: Today's form first.
        symbol_types: The types that the line may have.
        currencies: What the operator says of its codes, in the forms that are known.
        prices: Last prices of the line's spellings.
        region: Where the operator serves it, if it serves several: `us`, `eu`, `tr`.
        ccxt_id: The exchange of ccxt that sends the requests with `--live`.
        documentation: Where the venue says what the fields mean, above all the order unit.
        version: Counts changes of what the reader concludes.
        plain_code: The code that another one is a form of, by the venue's documentation, such as a
            derivative's; by itself, the code.
    """

    venue_id: str
    name: str
    operator: str
    forms: tuple[Form[Any], ...]
    symbol_types: frozenset[SymbolTypeCode]
    currencies: tuple[CurrencyForm, ...] = ()
    prices: tuple[PriceForm, ...] = ()
    environment: EnvironmentCode = EnvironmentCode.PRODUCTION
    region: str | None = None
    ccxt_id: str = ""
    documentation: tuple[str, ...] = ()
    version: int = 1
    plain_code: Callable[[str], str] = str
    chain_id: str | None = None
    website: str = ""

    @property
    def requests(self) -> tuple[Request, ...]:
        """All requests of the listing, once each, today's first."""
        found = (r for form in self.forms for r in (*form.lists, *form.also))
        return tuple(dict.fromkeys(found))

    @property
    def currency_requests(self) -> tuple[Request, ...]:
        """Requests of currencies that are none of the listing."""
        return _beside(self.requests, self.currencies)

    @property
    def ticker_requests(self) -> tuple[Request, ...]:
        """Requests of prices that are none of the listing."""
        return _beside(self.requests, self.prices)

    def file_name(self, request: Request) -> str:
        """The name that `--file` or `--prices NAME=PATH` gives a file: it tells requests apart."""
        tickers = self.ticker_requests
        own = tickers if request in tickers else (*self.requests, *self.currency_requests)
        for count in range(2, request.path.count("/") + 2):
            name = request.ending(count)
            meant = matching(name, own)
            if meant is not None and meant[0] == request:
                return name
        return request.path

    @property
    def reader(self) -> str:
        """What decided, for evidence: `binance-usdm/3`."""
        return f"{self.venue_id}/{self.version}"


def _beside(
    listing: tuple[Request, ...], forms: Iterable[SideForm[Any, Any]]
) -> tuple[Request, ...]:
    found = dict.fromkeys(request for form in forms for request in form.requests)
    return tuple(request for request in found if request not in listing)


def answers_to(answers: Answers, *requests: Request) -> Iterator[Answer]:
    """The answers that there are to some requests, in the order of the requests."""
    for request in requests:
        yield from answers.get(request, ())


def needed(answers: Answers, request: Request, reason: str) -> list[Answer]:
    """The answers to a request without which records cannot be read.

    Raises:
        NotTheAnswer: The request was not answered.
    """
    found = answers.get(request)
    if not found:
        raise NotTheAnswer(f"give the answer to {request.short_name}, too: {reason}")
    return found


def objects_at(value: Any, *path: str, name: str = "symbol") -> Iterator[Row]:
    """The records of a list that lies in an answer.

    Args:
        path: Keys that lead to the list; none if the answer is the list.
        name: The record's field that names it.

    Raises:
        NotTheAnswer: There is no such list.
    """
    for key in path:
        if not isinstance(value, dict) or key not in value:
            raise NotTheAnswer(f"it has no {'.'.join(path)}{_says(value)}")
        value = value[key]
    if not isinstance(value, list):
        where = ".".join(path) or "the answer"
        raise NotTheAnswer(f"{where} is no list")
    for place, record in enumerate(value):
        yield Row(_name_of(record, name, place), record)


def each_object(*path: str, name: str = "symbol") -> Callable[[Answers], Iterator[Row]]:
    """The rows of a form whose answers all hold their records in one list: see `objects_at`."""

    def rows(answers: Answers) -> Iterator[Row]:
        for answer in answers_to(answers, *answers):
            yield from objects_at(answer.value, *path, name=name)

    return rows


def entries_at(value: Any, *path: str, key: str = "@key") -> Iterator[Row]:
    """The records of an object whose keys name them; each gets its key as the field `key`.

    Raises:
        NotTheAnswer: There is no such object.
    """
    for part in path:
        if not isinstance(value, dict) or part not in value:
            raise NotTheAnswer(f"it has no {'.'.join(path)}{_says(value)}")
        value = value[part]
    if not isinstance(value, dict):
        where = ".".join(path) or "the answer"
        raise NotTheAnswer(f"{where} is no object")
    for name, record in value.items():
        yield Row(name, {key: name, **record} if isinstance(record, dict) else record)


def _name_of(record: Any, name: str, place: int) -> str:
    text = record.get(name) if isinstance(record, dict) else None
    return text if isinstance(text, str) and text else f"#{place + 1}"


def _says(value: Any) -> str:
    """What an error answer says of itself."""
    if not isinstance(value, dict):
        return ""
    names = ("msg", "message", "retMsg", "error", "label", "err-msg", "errmsg")
    said = next((value[name] for name in names if value.get(name)), None)
    return f": {str(said)[:200]}" if said else ""
