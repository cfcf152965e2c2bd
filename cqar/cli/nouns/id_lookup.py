"""Looks up ids by name: tickers of assets, texts of symbols, names of groups.

A name counts only if exactly one entity has it, letter for letter. Otherwise the error lists the
candidates; nothing is guessed.
"""

from __future__ import annotations

import shlex
import uuid
from typing import Any, Final

from cqc.services.v1 import asset_registry_pb2 as pb
from google.protobuf.descriptor import FieldDescriptor

from cqar.admin import pagination
from cqar.admin.connection import CallFailed, Connection
from cqar.cli.nouns.field_names import enum_word

CANDIDATES_MAX: Final = 20

#: What a flag is told by, beside its reason.
_FLAG_WORDS: Final = ("flag_type", "severity")
#: Kind -> what its entities are searched by: RPC, the response's field, what a name is called.
_SEARCHES: Final = {
    "asset": ("SearchAssets", "assets", "ticker"),
    "symbol": ("SearchSymbols", "symbols", "text"),
}


def referenced_kind(field: FieldDescriptor) -> str:
    """The kind of entity that a field refers to by id, if users also know it by name; else ""."""
    if field.type != FieldDescriptor.TYPE_STRING:
        return ""
    endings = {"asset_id": "asset", "symbol_id": "symbol", "group_id": "group"}
    return next((kind for end, kind in endings.items() if field.name.endswith(end)), "")


class AmbiguousName(CallFailed):
    """No entity has the name, or several have it; the text lists the candidates."""


class IdLookup:
    """Looks names up at a writer, each once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ids: dict[tuple[str, str], str] = {}

    def id_of(self, kind: str, name: str) -> str:
        """The id of the asset, symbol or group with this name; an id or "" is returned as it is.

        Raises:
            AmbiguousName: no entity has the name, or several have it.
            CallFailed: the writer did not answer.
        """
        if not name or _is_uuid(name):
            return name
        if (kind, name) not in self._ids:
            find = self._group_id if kind == "group" else self._search_id
            self._ids[kind, name] = find(kind, name)
        return self._ids[kind, name]

    def flag_of(self, name: str) -> str:
        """The id of the only active flag of an asset; a flag's id is returned as it is.

        Raises:
            AmbiguousName: The asset has no active flag, or several, or is not known by this name.
            CallFailed: the writer did not answer.
        """
        if not name or _is_uuid(name):
            return name
        request = pb.ListQualityFlagsRequest(asset_id=self.id_of("asset", name))
        method = self._connection.registry.ListQualityFlags
        flags = list(pagination.entities(self._connection, method, request, "flags"))
        if len(flags) == 1:
            return str(flags[0].flag_id)
        if not flags:
            text = f"asset {name!r} has no active flag: see cqar flag list --include-resolved"
            raise AmbiguousName(text, "NOT_FOUND", "QUALITY_FLAG_NOT_FOUND")
        lines = [f"  {flag.flag_id}  {_flag_text(flag)}" for flag in flags[:CANDIDATES_MAX]]
        head = f"asset {name!r} has {len(flags)} active flags: give the id of the one you mean"
        raise AmbiguousName("\n".join([head, *lines]), "INVALID_ARGUMENT", "AMBIGUOUS")

    def _search_id(self, kind: str, name: str) -> str:
        rpc, field, name_word = _SEARCHES[kind]
        request = getattr(pb, f"{rpc}Request")(query=name, limit=pagination.PAGE_ROWS)
        method = getattr(self._connection.registry, rpc)
        entities = list(pagination.entities(self._connection, method, request, field))
        exact = [entity for entity in entities if entity.symbol == name]
        if len(exact) == 1:
            return str(getattr(exact[0], f"{kind}_id"))
        similar = [entity for entity in entities if entity.symbol.lower() == name.lower()]
        lines = [_candidate(kind, entity) for entity in exact or similar]
        raise _ambiguous(kind, name_word, name, len(exact), lines)

    def _group_id(self, _: str, name: str) -> str:
        request = pb.GetAssetGroupRequest(name=name)
        try:
            response = self._connection.call(self._connection.registry.GetAssetGroup, request)
        except CallFailed as error:
            if error.code != "NOT_FOUND":
                raise
            text = f"no group has the name {name!r}: list the groups with: cqar group list"
            raise AmbiguousName(text, error.code, error.reason) from error
        return str(response.group.group_id)


def _flag_text(flag: Any) -> str:
    fields = flag.DESCRIPTOR.fields_by_name
    words = [enum_word(fields[name].enum_type, getattr(flag, name)) for name in _FLAG_WORDS]
    return f"{' '.join(words)}  {flag.reason}"


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _candidate(kind: str, entity: Any) -> str:
    if kind == "asset":
        return f"  {entity.asset_id}  {entity.symbol}  {entity.name}"
    legs = f"base {entity.base_asset_id}, quote {entity.quote_asset_id}"
    return f"  {entity.symbol_id}  {entity.symbol}  {legs}"


def _ambiguous(
    kind: str, name_word: str, name: str, count: int, candidates: list[str]
) -> AmbiguousName:
    rest = len(candidates) - CANDIDATES_MAX
    lines = candidates[:CANDIDATES_MAX] + ([f"  … and {rest} more"] if rest > 0 else [])
    if count:
        head = f"{count} {kind}s have the {name_word} {name!r}: give the id of the one you mean"
        return AmbiguousName("\n".join([head, *lines]), "INVALID_ARGUMENT", "AMBIGUOUS")
    search = f"search for it with: cqar {kind} search {shlex.quote(name)}"
    head = f"no {kind} has the {name_word} {name!r}: {'did you mean' if lines else search}"
    return AmbiguousName("\n".join([head, *lines]), "NOT_FOUND", f"{kind.upper()}_NOT_FOUND")
