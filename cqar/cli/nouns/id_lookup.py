"""Ids for what people call things: tickers, symbols' texts, groups' names.

A name is taken only if exactly one entity has it, letter for letter. Otherwise the error names
all that it may mean; nothing is guessed.
"""

from __future__ import annotations

import shlex
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final

from cqc.services.v1 import asset_registry_pb2 as pb
from google.protobuf.descriptor import FieldDescriptor

from cqar.admin import pagination
from cqar.admin.connection import CallFailed, Connection

CANDIDATES_MAX: Final = 20


def referenced_kind(field: FieldDescriptor) -> str:
    """The kind whose entities the field names by id, of those that have other names too."""
    if field.type != FieldDescriptor.TYPE_STRING:
        return ""
    ends = {"asset_id": "asset", "symbol_id": "symbol", "group_id": "group"}
    return next((kind for end, kind in ends.items() if field.name.endswith(end)), "")


class AmbiguousName(CallFailed):
    """A name means nothing, or more than one thing; the text says what it may mean."""


class IdLookup:
    """Looks names up at a writer, each once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, str], str] = {}

    def id_of(self, kind: str, name: str) -> str:
        """The id of the asset, symbol or group of that name; an id is its own, "" is none.

        Raises:
            AmbiguousName: None has it, or several have.
            CallFailed: There is no telling.
        """
        if not name or _is_uuid(name):
            return name
        if (kind, name) not in self._known:
            self._known[kind, name] = _FINDERS[kind](self._connection, name)
        return self._known[kind, name]


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _asset_id(connection: Connection, ticker: str) -> str:
    found = list(_search(connection, "SearchAssets", "assets", ticker))
    same = [a for a in found if a.symbol == ticker]
    if len(same) == 1:
        return str(same[0].asset_id)
    lines = [f"  {a.asset_id}  {a.symbol}  {a.name}" for a in same or _same_but_case(found, ticker)]
    raise _ambiguous("asset", "ticker", ticker, len(same), lines)


def _symbol_id(connection: Connection, text: str) -> str:
    found = list(_search(connection, "SearchSymbols", "symbols", text))
    same = [s for s in found if s.symbol == text]
    if len(same) == 1:
        return str(same[0].symbol_id)
    lines = [
        f"  {s.symbol_id}  {s.symbol}  base {s.base_asset_id}, quote {s.quote_asset_id}"
        for s in same or _same_but_case(found, text)
    ]
    raise _ambiguous("symbol", "text", text, len(same), lines)


def _group_id(connection: Connection, name: str) -> str:
    request = pb.GetAssetGroupRequest(name=name)
    try:
        answer = connection.call(connection.registry.GetAssetGroup, request)
    except CallFailed as error:
        if error.code != "NOT_FOUND":
            raise
        text = f"no group has the name {name!r}: see which there are with: cqar group list"
        raise AmbiguousName(text, error.code, error.reason) from error
    return str(answer.group.group_id)


_FINDERS: Final[dict[str, Callable[[Connection, str], str]]] = {
    "asset": _asset_id,
    "symbol": _symbol_id,
    "group": _group_id,
}


def _search(connection: Connection, rpc: str, field: str, query: str) -> Iterator[Any]:
    request = getattr(pb, f"{rpc}Request")(query=query, limit=pagination.PAGE_ROWS)
    while True:
        answer = connection.call(getattr(connection.registry, rpc), request)
        yield from getattr(answer, field)
        if not answer.next_page_token:
            return
        request.page_token = answer.next_page_token


def _same_but_case(found: list[Any], name: str) -> list[Any]:
    return [entity for entity in found if entity.symbol.lower() == name.lower()]


def _ambiguous(kind: str, what: str, name: str, count: int, lines: list[str]) -> AmbiguousName:
    more = [f"  … and {len(lines) - CANDIDATES_MAX} more"] if len(lines) > CANDIDATES_MAX else []
    shown = lines[:CANDIDATES_MAX] + more
    if count:
        head = f"{count} {kind}s have the {what} {name!r}: give the id of the one you mean"
        return AmbiguousName("\n".join([head, *shown]), "INVALID_ARGUMENT", "AMBIGUOUS")
    head = f"no {kind} has the {what} {name!r}: "
    head += "did you mean" if shown else f"look for it with: cqar {kind} search {shlex.quote(name)}"
    return AmbiguousName("\n".join([head, *shown]), "NOT_FOUND", f"{kind.upper()}_NOT_FOUND")
