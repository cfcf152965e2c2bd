"""Reads of single entities, as `cqc.services.v1.AssetRegistry` asks for them. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

from cqc.services.v1 import asset_registry_pb2 as pb
from google.protobuf.message import Message

from cqar_resolver.queries import external_ids
from cqar_shared.codec import entity_codec
from cqar_shared.codec.request_validation import require_id, require_one, require_symbol_name
from cqar_shared.domain import tradeability, verdicts
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.api_key import API_KEY, ApiKey
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT
from cqar_shared.domain.kinds.asset_group import ASSET_GROUP
from cqar_shared.domain.kinds.quality_flag import QUALITY_FLAG
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.symbol_identifier import SYMBOL_IDENTIFIER
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.errors import EntityNotFound, ServiceNotReady
from cqar_shared.queries import entities
from cqar_shared.queries.entities import EntityQuery
from cqar_shared.queries.query import Query, QueryContext


@dataclass(frozen=True, slots=True)
class SymbolQuery(Query[Any]):
    """Which symbol has an id, or is named by an identifier?

    Attributes:
        symbol_id: "" for a symbol that is named by an identifier.
    """

    rpc = "GetSymbol"
    symbol_id: str
    source: int
    external_id: str

    @classmethod
    def from_request(cls, request: pb.GetSymbolRequest) -> Self:
        require_symbol_name(request)
        return cls(request.symbol_id, request.data_source, request.external_id)

    def run(self, context: QueryContext) -> Any:
        """Return the symbol.

        Raises:
            EntityNotFound: There is no such symbol, or the identifier names several.
        """
        reader, symbol_id = context.reader, self.symbol_id
        if not symbol_id:
            names = (self.source, self.external_id)
            symbol_id = external_ids.owner_of(reader, SYMBOL_IDENTIFIER, "symbol_id", *names)
            if not symbol_id:
                raise EntityNotFound(SYMBOL_IDENTIFIER.name, self.external_id)
        return entities.require(reader, SYMBOL, symbol_id)


class Get(NamedTuple):
    """How a Get method that programs ask in their own process becomes a query, and its answer."""

    query_of: Callable[[Any], Query[Any]]
    response: Callable[[Any], Message]


#: The Get methods of the registry that a replica answers.
GETS: Final = {
    "GetVenue": Get(
        lambda request: EntityQuery.of(VENUE, request.venue_id),
        lambda venue: pb.GetVenueResponse(venue=venue),
    ),
    "GetSymbol": Get(SymbolQuery.from_request, lambda symbol: pb.GetSymbolResponse(symbol=symbol)),
}


@dataclass(frozen=True, slots=True)
class DeploymentQuery(Query[Any]):
    """Which deployment has an id, and what is its chain called?"""

    rpc = "GetAssetDeployment"
    deployment_id: str

    @classmethod
    def from_request(cls, request: pb.GetAssetDeploymentRequest) -> Self:
        require_id("deployment_id", request.deployment_id)
        return cls(request.deployment_id)

    def run(self, context: QueryContext) -> Any:
        found = entities.require(context.reader, ASSET_DEPLOYMENT, self.deployment_id)
        return entities.with_chain(context.reader, found)


@dataclass(frozen=True, slots=True)
class GroupQuery(Query[Any]):
    """Which group has an id, or a name?"""

    rpc = "GetAssetGroup"
    group_id: str
    name: str

    @classmethod
    def from_request(cls, request: pb.GetAssetGroupRequest) -> Self:
        require_one(request, "group_id", "name")
        if request.group_id:
            require_id("group_id", request.group_id)
        return cls(request.group_id, request.name)

    def run(self, context: QueryContext) -> Any:
        if self.group_id:
            return entities.require(context.reader, ASSET_GROUP, self.group_id)
        return entities.require_found(context.reader, ASSET_GROUP, "name", self.name)


@dataclass(frozen=True, slots=True)
class IdentifierQuery(Query[Any]):
    """Which identifier does a source have for an asset or a symbol?"""

    kind: str
    owner_id: str
    source: int

    @classmethod
    def of(cls, kind: AnyKind, owner_id: str, source: int) -> Self:
        require_id(f"{_owner_of(kind.name)}_id", owner_id)
        return cls(kind.name, owner_id, source)

    @property
    def rpc(self) -> str:
        return _get_rpc(self.kind)

    def run(self, context: QueryContext) -> Any:
        """Return the primary one, or the only one.

        Raises:
            EntityNotFound: The source has none, or several of which none is primary.
        """
        kind = KIND_BY_NAME[self.kind]
        _, source_field = kind.lookups["source"].columns
        owner = _owner_of(self.kind)
        owner_id = entities.current_id(context.reader, KIND_BY_NAME[owner], self.owner_id)
        # By the owner, who has a few: lists need that index anyway.
        owned = entities.find(context.reader, kind, owner, owner_id)
        named = [each for each in owned if getattr(each, source_field) == self.source]
        return tradeability.primary_identifier(self.kind, owner_id, named)


@dataclass(frozen=True, slots=True)
class CheckAssetTradeableQuery(Query[pb.CheckAssetTradeableResponse]):
    """Does a flag forbid to trade an asset?"""

    rpc = "CheckAssetTradeable"
    asset_id: str

    @classmethod
    def from_request(cls, request: pb.CheckAssetTradeableRequest) -> Self:
        require_id("asset_id", request.asset_id)
        return cls(request.asset_id)

    def run(self, context: QueryContext) -> pb.CheckAssetTradeableResponse:
        """Return the flags that forbid it. A known flag always counts.

        Raises:
            ServiceNotReady: No known flag forbids it, but newer ones may be unknown here.
        """
        asset = entities.require(context.reader, ASSET, self.asset_id)
        flags = entities.find(context.reader, QUALITY_FLAG, "asset", asset.asset_id)
        blocking = [flag for flag in flags if verdicts.blocks(flag)]
        if context.stale is not None and not blocking:
            message = f"no flag is known that forbids it, but {context.stale.message}"
            raise ServiceNotReady(message)
        blocking.sort(key=lambda flag: flag.flag_id)
        return pb.CheckAssetTradeableResponse(tradeable=not blocking, blocking_flags=blocking)


@dataclass(frozen=True, slots=True)
class ApiKeyQuery(Query[ApiKey | None]):
    """Which valid API key has a hash?"""

    rpc = "FindKey"
    key_hash: str
    now: dt.datetime = field(compare=False)

    def run(self, context: QueryContext) -> ApiKey | None:
        """Return the key; None if there is none, or it is not valid now."""
        for _, payload in context.reader.find(API_KEY.name, "hash", self.key_hash):
            key = entity_codec.decode(API_KEY, payload)
            return key if key.valid_at(self.now) else None
        return None


def _get_rpc(kind: str) -> str:
    return f"Get{KIND_BY_NAME[kind].message.DESCRIPTOR.name}"


def _owner_of(kind: str) -> str:
    return kind.removesuffix("_identifier")
