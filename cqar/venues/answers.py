"""A venue's answers to ccxt's requests: from saved files, or from the venue itself.

A saved file answers the request that its name is: the end of the request's path, with as much
of host and query as it takes to tell requests apart (`AssetPairs`, `instruments?instType=SPOT`,
`fapi.binance.com/fapi/v1/exchangeInfo`). What was not saved gets the venue's empty answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from cqar.venues.found import Unreadable

#: By ccxt id: an answer without records, in the venue's own shape.
EMPTY: Final[dict[str, Any]] = {
    "bybit": {"retCode": "0", "retMsg": "OK", "result": {"list": []}},
    "coinbaseexchange": [],
    "deribit": {"result": []},
    "gate": [],
    "htx": {"status": "ok", "data": []},
    "hyperliquid": [],
    "kraken": {"error": [], "result": {}},
    "kucoin": {"code": "200000", "data": []},
    "okx": {"code": "0", "msg": "", "data": []},
}
#: By venue: which of ccxt's market lists to ask for, where their names are not market types.
FETCH_TYPES: Final[dict[str, Any]] = {
    "bybit-linear": ["linear"],
    "bybit-inverse": ["inverse"],
    "htx": {"spot": True, "linear": False, "inverse": False},
}


class SavedAnswer(NamedTuple):
    name: str
    path: Path


class Answers:
    """Stands in for an exchange's `fetch`; keeps what it answered and what was asked.

    Args:
        exchange: A ccxt exchange; its `fetch` is replaced.
        saved: The files; None asks the venue.
    """

    def __init__(self, exchange: Any, saved: Iterable[SavedAnswer] | None) -> None:
        self._exchange = exchange
        self._live: Callable[..., Any] | None = exchange.fetch if saved is None else None
        self._saved = {s.name: _parse(exchange, s) for s in saved or ()}
        self._used: set[str] = set()
        self.asked: list[str] = []
        self.given: list[Any] = []
        exchange.fetch = self._fetch
        exchange.enableRateLimit = self._live is not None

    def _fetch(self, url: str, *arguments: Any, **options: Any) -> Any:
        self.asked.append(url)
        if self._live is not None:
            answer = self._live(url, *arguments, **options)
        else:
            name = next((name for name in self._saved if matches(name, url)), None)
            if name is None:
                return EMPTY.get(self._exchange.id, {})
            self._used.add(name)
            answer = self._saved[name]
        if not any(answer is known for known in self.given):
            self.given.append(answer)
        return answer

    @property
    def unused(self) -> list[str]:
        """Files that answered nothing, such as Kraken's Assets, which ccxt does not ask for."""
        return sorted(set(self._saved) - self._used)

    def require_used(self) -> None:
        """Refuse files none of which answers what the venue is asked.

        Raises:
            Unreadable: Naming the requests that are asked.
        """
        if self._saved and not self._used:
            asked = ", ".join(dict.fromkeys(request_name(url) for url in self.asked))
            raise Unreadable(
                f"no request is answered by {', '.join(self.unused)};"
                f" {self._exchange.id} is asked for: {asked or 'nothing'}."
                " Name a file by the request it answers: --file NAME=PATH"
            )


def _parse(exchange: Any, saved: SavedAnswer) -> Any:
    try:
        text = saved.path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise Unreadable(f"{saved.path}: {error}") from error
    answer = exchange.parse_json(text)
    if not isinstance(answer, dict | list):
        raise Unreadable(f"{saved.path} is not JSON, or cut off")
    return answer


def request_name(url: str) -> str:
    parts = urlsplit(url)
    return parts.path.rsplit("/", 1)[-1] + (f"?{parts.query}" if parts.query else "")


def matches(name: str, url: str) -> bool:
    """Whether a file of this name answers the request: by whole path parts and query values."""
    asked, _, query = name.partition("?")
    parts = urlsplit(url)
    if not f"/{parts.netloc}{parts.path}".endswith("/" + asked.strip("/")):
        return False
    return set(parse_qsl(query)) <= set(parse_qsl(parts.query))


class Records(NamedTuple):
    """Where an answer's records lie: `holder[place]`, a list or a dict of dicts."""

    holder: Any
    place: Any
    records: list[tuple[str, dict[str, Any]]]

    def put(self, records: list[tuple[str, dict[str, Any]]]) -> None:
        """Replace the answer's records; ccxt reads the answer anew at its next request."""
        whole = self.holder[self.place]
        self.holder[self.place] = (
            dict(records) if isinstance(whole, dict) else [record for _, record in records]
        )


def records_in(box: list[Any]) -> Records | None:
    """The longest list (or dict) of objects in an answer: that is where markets are listed.

    Args:
        box: The answer, alone in a list, so that it can be replaced whole.
    """
    best: Records | None = None
    for holder, place in _places(box, 0):
        found = _objects(holder[place])
        if found and (best is None or len(found) > len(best.records)):
            best = Records(holder, place, found)
    return best


def _places(holder: Any, place: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    value = holder[place]
    if depth > 4 or not isinstance(value, dict | list):
        return
    yield holder, place
    if isinstance(value, dict):
        for key in value:
            yield from _places(value, key, depth + 1)


def _objects(value: Any) -> list[tuple[str, dict[str, Any]]]:
    if isinstance(value, list):
        return [(name_of(record), record) for record in value if isinstance(record, dict)]
    if value and all(isinstance(inner, dict) for inner in value.values()):
        return list(value.items())
    return []


def name_of(record: dict[str, Any]) -> str:
    """A record's name for messages; venues call it many things."""
    names = ("symbol", "id", "instId", "instrument_name", "name", "contract_code", "market")
    return next((str(record[name]) for name in names if record.get(name)), "a record of no name")
