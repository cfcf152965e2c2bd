"""A venue's answers to ccxt's requests, for venues without a reader: saved files, or live.

A saved file answers the request that its name is: the end of the request's path, with as much
of host and query as it takes to tell requests apart. What was not saved is answered by `{}`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from cqar.importer.answer_reader import AnswerSource
from cqar.importer.saved_answers import SavedResponse, UnusableAnswer, decode_file

#: A record that does not say what it is called.
NO_NAME: Final = "a record of no name"


class RecordedResponses:
    """Stands in for an exchange's `fetch`; keeps what it answered and what was asked.

    Each answer lies alone in a list, its box, so that it can be replaced whole. The venue is
    asked each request once, however often ccxt reads the answer anew.

    Args:
        exchange: A ccxt exchange; its `fetch` is replaced.
        saved: The files; None asks the venue.
    """

    def __init__(self, exchange: Any, saved: Iterable[SavedResponse] | None) -> None:
        self._exchange = exchange
        self._live: Callable[..., Any] | None = exchange.fetch if saved is None else None
        decoded = [decode_file(s) for s in saved or ()]
        self._sources = {a.name: AnswerSource(a.name, a.sha256, a.taken_at) for a in decoded}
        self._saved = {answer.name: [answer.value] for answer in decoded}
        self._recorded: dict[str, list[Any]] = {}
        self._used: set[str] = set()
        self.asked: list[str] = []
        self.boxes: list[list[Any]] = []
        exchange.fetch = self._fetch
        exchange.enableRateLimit = self._live is not None

    def _fetch(self, url: str, *arguments: Any, **options: Any) -> Any:
        self.asked.append(url)
        if self._live is None:
            box = self._saved_answer(url)
        elif url in self._recorded:
            box = self._recorded[url]
        else:
            box = self._recorded[url] = [self._live(url, *arguments, **options)]
        if box is None:
            return {}
        if not any(box is known for known in self.boxes):
            self.boxes.append(box)
        return box[0]

    def _saved_answer(self, url: str) -> list[Any] | None:
        """The file of the name that says most of the request."""
        names = [name for name in self._saved if matches(name, url)]
        if not names:
            return None
        name = max(names, key=len)
        self._used.add(name)
        return self._saved[name]

    @property
    def taken_at(self) -> dt.datetime | None:
        """When the newest of the files was answered, as far as they say so."""
        return max(filter(None, (source.taken_at for source in self.sources)), default=None)

    @property
    def sources(self) -> list[AnswerSource]:
        """The files that answered a request."""
        return [source for name, source in self._sources.items() if name in self._used]

    @property
    def unused(self) -> list[str]:
        """Files that answered nothing, such as Kraken's Assets, which ccxt does not ask for."""
        return sorted(set(self._saved) - self._used)

    def require_used(self) -> None:
        """Refuse files none of which answers what the venue is asked.

        Raises:
            UnusableAnswer: Naming the requests that are asked.
        """
        if self._saved and not self._used:
            asked = ", ".join(dict.fromkeys(request_name(url) for url in self.asked))
            raise UnusableAnswer(
                f"no request is answered by {', '.join(self.unused)};"
                f" {self._exchange.id} is asked for: {asked or 'nothing'}."
                " Name a file by the request it answers: --file NAME=PATH"
            )


def request_name(url: str) -> str:
    """Enough of a request to tell it from the venue's others."""
    parts = urlsplit(url)
    path = "/".join(parts.path.strip("/").split("/")[-2:])
    return path + (f"?{parts.query}" if parts.query else "")


def matches(name: str, url: str) -> bool:
    """Whether a file of this name answers the request: by whole path parts and query values."""
    asked, _, query = name.partition("?")
    parts = urlsplit(url)
    if not f"/{parts.netloc}{parts.path}".rstrip("/").endswith("/" + asked.strip("/")):
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
        box: The answer, alone in a list.
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
        # Junk between records is a record of no name, to be rejected as such.
        records = [r if isinstance(r, dict) else {"junk": r} for r in value]
        named = [(name_of(record), record) for record in records]
        return named if any("junk" not in record for record in records) else []
    if value and all(isinstance(inner, dict) for inner in value.values()):
        return list(value.items())
    return []


def name_of(record: dict[str, Any]) -> str:
    """A record's name for messages; venues call it many things."""
    names = ("symbol", "id", "instId", "instrument_name", "name", "contract_code", "market")
    return next((str(record[name]) for name in names if record.get(name)), NO_NAME)
