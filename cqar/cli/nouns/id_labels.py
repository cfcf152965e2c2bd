"""What ids are called, for tables: an asset's ticker, a symbol's text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from cqc.services.v1 import asset_registry_pb2 as pb

from cqar.admin import pagination
from cqar.admin.connection import CallFailed, Connection

#: More are read off the whole list, a thousand at a time.
SINGLE_READS_MAX: Final = 20

_METHODS: Final = {
    "asset": ("GetAsset", "asset_id", "asset", "ListAssets", "assets"),
    "symbol": ("GetSymbol", "symbol_id", "symbol", "ListSymbols", "symbols"),
}


class IdLabels:
    """Names by (kind, id), read at a writer as they are wanted."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, str], str] = {}

    def learn_symbols(self, symbols: Iterable[Any]) -> None:
        """Take the names of symbols that came with an answer."""
        self._known.update((("symbol", s.symbol_id), s.symbol) for s in symbols)

    def learn(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Ask for the names that are not known yet."""
        missing = {ref for ref in wanted if ref[0] in _METHODS and ref not in self._known}
        for kind in _METHODS:
            ids = sorted(key for of, key in missing if of == kind)
            found = self._one_by_one(kind, ids) if len(ids) <= SINGLE_READS_MAX else self._all(kind)
            self._known.update(((kind, key), name) for key, name in found)

    def get(self, kind: str, key: str) -> str:
        """The name; empty where there is none, or nobody asked for it."""
        return self._known.get((kind, key), "")

    def _one_by_one(self, kind: str, ids: list[str]) -> Iterator[tuple[str, str]]:
        rpc, id_field, field, _, _ = _METHODS[kind]
        for key in ids:
            request = getattr(pb, f"{rpc}Request")(**{id_field: key})
            try:
                answer = self._connection.call(getattr(self._connection.registry, rpc), request)
            except CallFailed as error:
                if error.code != "NOT_FOUND":
                    raise
                # It was removed after the answer that names it.
                continue
            yield key, getattr(answer, field).symbol

    def _all(self, kind: str) -> Iterator[tuple[str, str]]:
        _, id_field, _, rpc, field = _METHODS[kind]
        request, method = getattr(pb, f"{rpc}Request")(), getattr(self._connection.registry, rpc)
        for entity in pagination.entities(self._connection, method, request, field):
            yield getattr(entity, id_field), entity.symbol
