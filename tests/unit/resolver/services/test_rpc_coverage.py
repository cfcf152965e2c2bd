"""Every RPC has a method, and those that a resolver does not answer are listed here by name."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from cqc.resolver.v1 import resolver_pb2
from cqc.services.v1 import asset_registry_pb2
from cqc.writer.v1 import registry_admin_pb2

from cqar_resolver.app import Resolver
from cqar_resolver.config import ResolverConfig
from cqar_resolver.services.registry_service import RegistryReads, WriterOnlyMethods
from cqar_resolver.services.resolver_service import ResolverService
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.errors import Misdirected, Unimplemented
from cqar_shared.lists.methods import Lists
from cqar_writer.app import role_of
from cqar_writer.services.admin import RegistryAdminService
from cqar_writer.services.asset_registry import AssetRegistryService
from tests.support.entity_builders import NOW

REGISTRY = {
    m.name: m for m in asset_registry_pb2.DESCRIPTOR.services_by_name["AssetRegistry"].methods
}
ADMIN = {m.name: m for m in registry_admin_pb2.DESCRIPTOR.services_by_name["RegistryAdmin"].methods}
RESOLVER = {m.name: m for m in resolver_pb2.DESCRIPTOR.services_by_name["Resolver"].methods}

READS = ("Get", "List", "Check")
RESOLVER_UNANSWERED: set[str] = set()


def names(owner: type[Any]) -> set[str]:
    return {name for name in vars(owner) if name[0].isupper()}


@pytest.mark.parametrize(
    ("service", "rpcs"),
    [
        (AssetRegistryService, REGISTRY),
        (RegistryReads, REGISTRY),
        (RegistryAdminService, ADMIN),
        (ResolverService, RESOLVER),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_every_rpc_has_a_method_of_ours(service: type[Any], rpcs: dict[str, Any]) -> None:
    for name, rpc in rpcs.items():
        owner = next(cls for cls in service.__mro__ if name in vars(cls))
        assert not owner.__name__.endswith("Servicer"), f"{name} is only generated"
        method = getattr(service, name)
        assert inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method), name
        assert inspect.isasyncgenfunction(method) == rpc.server_streaming, name


def test_a_resolver_answers_every_read_and_sends_changes_and_searches_to_the_writer() -> None:
    reads = {name for name in REGISTRY if name.startswith(READS)}
    assert names(RegistryReads) | names(Lists) == reads
    assert names(WriterOnlyMethods) == set(REGISTRY) - reads


async def answer_of(service: Any, name: str) -> object:
    method = getattr(service, name)
    if inspect.isasyncgenfunction(method):
        return await anext(method(None, None))
    return await method(None, None)


async def test_what_a_resolver_does_not_answer_says_so() -> None:
    config = ResolverConfig(database_url="postgresql://nobody@nowhere/none", nats_url="nats://no")
    objects = Resolver(config)
    reads = RegistryReads(objects.executor, objects.list_cache, lambda: NOW, "writer.example:9090")
    resolver = ResolverService(objects.view, objects.executor, lambda: NOW)
    for name in RESOLVER_UNANSWERED:
        with pytest.raises(Unimplemented):
            await answer_of(resolver, name)
    for name in names(WriterOnlyMethods):
        with pytest.raises(Misdirected, match=r"writer\.example:9090"):
            await answer_of(reads, name)


def test_only_methods_that_change_nothing_are_open_to_a_read_key() -> None:
    changing = {
        name
        for name in [*REGISTRY, *ADMIN]
        if role_of(f"/cqc.services.v1.AssetRegistry/{name}") is not Role.READ
    }
    verbs = ("Add", "Apply", "Create", "Decide", "Delete", "Delist", "Merge")
    verbs += ("Propose", "Raise", "Remove", "Resolve", "Unmerge", "Update")
    changes = {name for name in [*REGISTRY, *ADMIN] if name.startswith(verbs)}
    assert changing == changes | {"ListApiKeys"}
    assert role_of("/cqc.writer.v1.RegistryAdmin/ListApiKeys") is Role.ADMIN
