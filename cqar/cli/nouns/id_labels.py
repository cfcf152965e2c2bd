"""Names for ids in tables: an asset's ticker, a symbol's text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from cqc.services.v1 import asset_registry_pb2 as pb

from cqar.admin import pagination
from cqar.admin.connection import CallFailed, Connection

#: More ids than this are looked up in the whole list, a thousand entities per call.
SINGLE_READS_MAX: Final = 20

_METHODS: Final = {
    "asset": ("GetAsset", "asset_id", "asset", "ListAssets", "assets"),
    "symbol": ("GetSymbol", "symbol_id", "symbol", "ListSymbols", "symbols"),
}


class IdLabels:
    """Names by (kind, id), read from a writer on demand."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._labels: dict[tuple[str, str], str] = {}

    def add_symbols(self, symbols: Iterable[Any]) -> None:
        """Add the names of symbols that came with a response."""
        self._labels.update((("symbol", s.symbol_id), s.symbol) for s in symbols)

    def load(self, refs: Iterable[tuple[str, str]]) -> None:
        """Read the names of those (kind, id) that are not known yet."""
        missing = {ref for ref in refs if ref[0] in _METHODS and ref not in self._labels}
        for kind in _METHODS:
            ids = sorted(key for ref_kind, key in missing if ref_kind == kind)
            pairs = self._read_each(kind, ids) if len(ids) <= SINGLE_READS_MAX else self._all(kind)
            self._labels.update(((kind, key), name) for key, name in pairs)

    def get(self, kind: str, key: str) -> str:
        """The name; empty if there is none or it was not loaded."""
        return self._labels.get((kind, key), "")

    def _read_each(self, kind: str, ids: list[str]) -> Iterator[tuple[str, str]]:
        rpc, id_field, field, _, _ = _METHODS[kind]
        for key in ids:
            request = getattr(pb, f"{rpc}Request")(**{id_field: key})
            try:
                response = self._connection.call(getattr(self._connection.registry, rpc), request)
            except CallFailed as error:
                if error.code != "NOT_FOUND":
                    raise
                continue  # removed after the response that refers to it
            yield key, getattr(response, field).symbol

    def _all(self, kind: str) -> Iterator[tuple[str, str]]:
        _, id_field, _, rpc, field = _METHODS[kind]
        request, method = getattr(pb, f"{rpc}Request")(), getattr(self._connection.registry, rpc)
        for entity in pagination.entities(self._connection, method, request, field):
            yield getattr(entity, id_field), entity.symbol
