"""docs/SECURITY.md says who may call what as it is: every method, credential, server and front.

CQAR_WRITE_ACCESS=1 writes the page anew.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import msgspec

from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.config import ResolverConfig
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.trust.key_text import hash_of
from cqar_writer.api_keys import create_key
from cqar_writer.config import WriterConfig
from cqar_writer.mutations import Mutations
from tests.support import access_table
from tests.support.commits import commit, eventually
from tests.support.entity_builders import NOW, a_key, an_id
from tests.support.follower_setup import NEVER_S, resolving, writing
from tests.support.kind_lifecycles import one_of_each

WAIT_S = 30


def later() -> dt.datetime:
    """When one of the keys has expired."""
    return NOW + dt.timedelta(days=1)


async def keys_of(mutations: Mutations) -> dict[str, str]:
    """A key of each kind."""
    found = {"none": "", "made up": "cqar_madeup"}
    for role in (Role.READ, Role.WRITE, Role.ADMIN):
        found[role.name.lower()] = await create_key(mutations, role.name.lower(), role)
    hour = dt.timedelta(hours=1)
    admin = a_key(role=Role.ADMIN)
    ends = {"revoked": {"revoked_at": NOW - hour}, "expired": {"expires_at": NOW + hour}}
    for name, ended in ends.items():
        found[name] = f"cqar_{name}"
        own = {"key_id": an_id(name), "key_hash": hash_of(found[name]), "actor": name}
        await commit(mutations, msgspec.structs.replace(admin, **own, **ended))
    return found


async def test_the_page_tells_who_may_call_what_at_every_server_and_front(
    servers: EmbeddedServers, database: str, mutations: Mutations, js: object, tmp_path: Path
) -> None:
    await commit(mutations, *one_of_each())
    keys = await keys_of(mutations)
    urls = {"database_url": database, "nats_url": servers.nats}
    still = {"probe_every_s": 60.0, "stale_after_s": NEVER_S}
    on_loopback = ResolverConfig(**urls, **still)
    beyond = ResolverConfig(**urls, **still, grpc_listen="0.0.0.0:9091")
    async with (
        writing(WriterConfig(**urls), later) as writer,
        writing(WriterConfig(**urls, reflection=True), later) as reflecting,
        resolving(on_loopback, later) as free,
        resolving(beyond, later) as keyed,
    ):
        await eventually(lambda: free.view.is_complete and keyed.view.is_complete, WAIT_S)
        async with access_table.places(writer, free, keyed, reflecting, tmp_path) as places:
            seen = {place.name: await access_table.seen_at(place, keys) for place in places}
    tables = access_table.tables_of(seen)
    if os.environ.get("CQAR_WRITE_ACCESS"):
        access_table.write(tables)
    assert access_table.between_markers() == tables, "CQAR_WRITE_ACCESS=1 writes it anew"
