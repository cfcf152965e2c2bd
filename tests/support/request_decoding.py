"""From bytes to what a method does with them before it looks anything up: pure, for every method.

What is wrong with a request is a CqarError, or part of an outcome; all else is a fault of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from cqc.resolver.v1 import resolver_pb2
from cqc.services.v1 import asset_registry_pb2
from cqc.writer.v1 import registry_admin_pb2
from google.protobuf.descriptor import MethodDescriptor

from cqar_resolver.queries.requests import QUERIES
from cqar_resolver.services import watch_stream
from cqar_shared.codec import entity_codec
from cqar_shared.domain.evaluation import Batch, ChangeIntent, Item
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KINDS
from cqar_shared.domain.kinds.asset_group import GroupMember
from cqar_shared.domain.working_set import WorkingSet
from cqar_shared.errors import RegistryError
from cqar_shared.lists import paging
from cqar_shared.rpc import request_limits, request_reader
from cqar_writer.services.admin import item_of
from tests.support.entity_builders import NOW

FILES: Final = (asset_registry_pb2, registry_admin_pb2, resolver_pb2)
METHODS: Final[dict[str, MethodDescriptor]] = {
    f"/{service.full_name}/{method.name}": method
    for file in FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
KINDS_BY_MESSAGE: Final = {kind.message.DESCRIPTOR.name: kind for kind in KINDS}
CHANGES: Final = ("Create", "Update", "Raise")

Decode = Callable[[Any], object]


def request_type(name: str) -> Any:
    """The class of a method's requests."""
    return METHODS[name].input_type._concrete_class


def decode(name: str, raw: bytes) -> None:
    """Do all of it that needs no registry.

    Raises:
        CqarError: What is wrong with the request.
    """
    message = request_type(name)
    request = request_reader.parsed(message, raw, request_limits.bytes_max(name))
    DECODERS[name](request)


def refused(name: str, raw: bytes) -> RegistryError | None:
    """What is wrong with a request; None where nothing is. Nothing else may be raised."""
    try:
        decode(name, raw)
    except RegistryError as error:
        return error
    return None


def _judged(*items: Item) -> None:
    """All rules, in a registry that has nothing."""
    registry = WorkingSet(NOW)
    batch = Batch(items)
    batch.prefetch(registry)
    for outcome in batch.judge(registry):
        assert all(len(v.message) <= 500 for v in outcome.violations)


def _applied(request: Any) -> None:
    entity_codec.instant_in(request, "as_of")
    _judged(*(item_of(item, place) for place, item in enumerate(request.items)))


def _changed(kind: AnyKind, request: Any) -> None:
    given, unreadable = entity_codec.parse(kind, entity_codec.like(kind, request))
    _judged(Item(kind=kind, intent=ChangeIntent.CREATE, given=given, unreadable=unreadable))


def _read(request: Any) -> None:
    """What lists and reads have in common: pages and instants."""
    fields = request.DESCRIPTOR.fields_by_name
    if "as_of" in fields:
        entity_codec.instant_in(request, "as_of")
    if "delisted_at" in fields:
        entity_codec.instant_in(request, "delisted_at")
    if "page_token" in fields:
        paging.token_parts(request.page_token, b"", 2)
    if "page_size" in fields:
        paging.page_request(KINDS[0], [], request.page_size, request.page_token)


def _decoder(method: MethodDescriptor) -> Decode:
    name = method.name
    if name == "Apply":
        return _applied
    if name == "Watch":
        return watch_stream.require_filters
    if name == "AddAssetToGroup":
        return partial(entity_codec.read, GroupMember)
    if method.containing_service.name == "Resolver" and name in QUERIES:
        return lambda request: QUERIES[name](request, NOW)
    if name.startswith(CHANGES):
        what = name[6:] if not name.startswith("Raise") else "AssetQualityFlag"
        return partial(_changed, KINDS_BY_MESSAGE[what])
    return _read


DECODERS: Final[dict[str, Decode]] = {name: _decoder(method) for name, method in METHODS.items()}
