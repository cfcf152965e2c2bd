"""Keys are found at a bounded rate, and by what the history says of them alone."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.codec import entity_codec
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kinds import api_key
from cqar_shared.domain.kinds.api_key import API_KEY, ApiKey, Role
from cqar_shared.errors import DataLoss, Invalid, TooMany
from cqar_shared.sql.schema import current
from cqar_shared.trust.key_text import hash_of
from cqar_writer import api_keys
from cqar_writer.api_keys import ApiKeyCache, create_key
from cqar_writer.mutations import Mutations
from cqar_writer.store import entity_rows, writes
from tests.support.commits import CAUSE, commit, upsert
from tests.support.entity_builders import NOW, a_key, an_id
from tests.support.memory_registry_view import changed
from tests.support.resolver_client import Ask


async def test_made_up_keys_are_looked_for_at_a_bounded_rate(
    engine: AsyncEngine, mutations: Mutations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_keys, "REMEMBERED_MAX", 10)
    monkeypatch.setattr(api_keys, "NEW_PER_S", 10.0)
    own = hash_of(await create_key(mutations, "desk", Role.READ))
    found = ApiKeyCache(engine, lambda: NOW)
    assert await found.find(own) is not None

    async def flood() -> None:
        for number in range(1_000):
            assert await found.find(hash_of(f"none {number}")) is None

    with pytest.raises(TooMany):
        await flood()
    assert await found.find(own) is not None


#: A key that whoever alters rows made up.
FORGED: Final = hash_of("cqar_forged")


async def run(engine: AsyncEngine, *statements: str) -> None:
    async with engine.begin() as tx:
        for statement in statements:
            assert (await tx.execute(sa.text(statement))).rowcount == 1


async def give(engine: AsyncEngine, **changes: Any) -> None:
    """Alter the key in `current`, as one who knows how it is serialised."""
    async with engine.begin() as tx:
        query = sa.select(current.c.payload).where(current.c.kind == API_KEY.name)
        key = entity_codec.decode(API_KEY, (await tx.execute(query)).scalar_one())
        forged = entity_codec.encode(API_KEY, changed(key, **changes))
        update = sa.update(current).where(current.c.kind == API_KEY.name).values(payload=forged)
        await tx.execute(update)


async def require_shut(engine: AsyncEngine, key_hash: str) -> None:
    with pytest.raises(DataLoss):
        await ApiKeyCache(engine, lambda: NOW).find(key_hash)


async def test_a_hash_written_into_an_admins_row_lets_nobody_in(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    own = hash_of(await create_key(mutations, "desk", Role.ADMIN))
    await run(engine, f"UPDATE api_keys SET key_hash = '{FORGED}'")
    await require_shut(engine, FORGED)
    assert await ApiKeyCache(engine, lambda: NOW).find(own) is None


async def test_a_role_in_the_table_is_nobodys_role(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    own = hash_of(await create_key(mutations, "desk", Role.READ))
    await run(engine, "UPDATE api_keys SET role = 3, actor = 'root', expires_at = NULL")
    found = await ApiKeyCache(engine, lambda: NOW).find(own)
    assert found is not None
    assert (found.role, found.actor) == (Role.READ, "desk")


async def test_a_key_altered_in_current_and_table_together_lets_nobody_in(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    own = hash_of(await create_key(mutations, "desk", Role.READ))
    await give(engine, role=Role.ADMIN)
    await require_shut(engine, own)
    await give(engine, role=Role.READ, key_hash=FORGED)
    await run(engine, f"UPDATE api_keys SET key_hash = '{FORGED}'")
    await require_shut(engine, FORGED)


async def test_a_revoked_key_taken_back_to_what_it_was_stays_shut(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    own = hash_of(await create_key(mutations, "desk", Role.READ))
    key = await ApiKeyCache(engine, lambda: NOW).find(own)
    assert key is not None
    assert await ApiKeyCache(engine, lambda: NOW).find(own) is not None
    await commit(mutations, changed(key, revoked_at=NOW))
    assert await ApiKeyCache(engine, lambda: NOW).find(own) is None
    await give(engine, revoked_at=None)
    await run(engine, "UPDATE current SET revision = 1", "UPDATE api_keys SET revoked_at = NULL")
    await require_shut(engine, own)


async def test_a_resolver_that_is_loading_lets_nobody_in_by_an_altered_row(
    engine: AsyncEngine, mutations: Mutations, ask: Ask
) -> None:
    own = hash_of(await create_key(mutations, "desk", Role.READ))
    async with ask(follows=False) as asked:
        assert await asked.resolver.find_key(own) is not None
        await run(engine, f"UPDATE api_keys SET key_hash = '{FORGED}'")
        with pytest.raises(DataLoss):
            await asked.resolver.find_key(FORGED)
        await give(engine, key_hash=FORGED)
        with pytest.raises(DataLoss):
            await asked.resolver.find_key(FORGED)


async def test_a_history_that_cannot_be_read_lets_nobody_in(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    own = hash_of(await create_key(mutations, "desk", Role.READ))
    await run(engine, "UPDATE outbox SET payload = 'none'")
    await require_shut(engine, own)


async def test_a_key_put_into_every_table_but_the_history_lets_nobody_in(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    await create_key(mutations, "desk", Role.ADMIN)
    forged = a_key(key_hash=FORGED, role=Role.ADMIN, created_at=NOW)
    async with engine.begin() as tx:
        await writes.save(tx, API_KEY, [forged])
        row = (API_KEY.name, forged.key_id, 1, entity_codec.encode(API_KEY, forged))
        names = ("kind", "key", "revision", "payload")
        await tx.execute(sa.insert(current).values(dict(zip(names, row, strict=True))))
    await require_shut(engine, FORGED)


async def test_when_the_first_key_ends_is_what_the_keys_say(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    soon, late = NOW + dt.timedelta(days=1), NOW + dt.timedelta(days=9)
    await create_key(mutations, "soon", Role.READ, soon)
    await create_key(mutations, "late", Role.READ, late)
    await create_key(mutations, "never", Role.READ)
    async with engine.begin() as tx:
        await tx.execute(sa.text("UPDATE api_keys SET expires_at = now() + interval '9 years'"))
        assert await entity_rows.next_key_expiry(tx, NOW) == soon
        assert await entity_rows.next_key_expiry(tx, soon) == late
        assert await entity_rows.next_key_expiry(tx, late) is None


async def violations(mutations: Mutations, *given: ApiKey) -> list[str]:
    applied = await mutations.apply([upsert(key) for key in given], CAUSE)
    return [v.reason for outcome in applied.outcomes for v in outcome.violations]


async def test_a_hash_is_one_keys_for_good_and_a_key_is_never_removed(
    mutations: Mutations,
) -> None:
    key = a_key()
    await commit(mutations, key)
    again = a_key(key_id=an_id("again"))
    assert await violations(mutations, again) == ["USED"]
    await commit(mutations, changed(key, revoked_at=NOW))
    assert await violations(mutations, again) == ["USED"]
    for changes in ({"key_hash": FORGED}, {"actor": "bob"}, {"role": Role.ADMIN}):
        assert await violations(mutations, changed(key, revoked_at=NOW, **changes)) == ["IMMUTABLE"]
    removal = Item(kind=API_KEY, intent=ChangeIntent.REMOVE, key=key.key_id)
    with pytest.raises(Invalid, match="revoke it"):
        await mutations.change(removal, CAUSE)
    both = [a_key(key_id=an_id(name), key_hash=FORGED) for name in ("one", "two")]
    assert await violations(mutations, *both) == ["USED"]


async def test_an_actor_looks_like_nobody_else_and_like_no_service(mutations: Mutations) -> None:
    def named(actor: str) -> ApiKey:
        return a_key(key_id=an_id(actor), key_hash=hash_of(actor), actor=actor)

    await commit(mutations, named("ops-1"))
    refused = {
        "OPS-1": "LOOK_ALIKE",
        "ops-l": "LOOK_ALIKE",
        "\uff4fps-1": "LOOK_ALIKE",
        "cqar": "RESERVED",
        "cqar-writer": "RESERVED",
        "CQAR-ops": "RESERVED",
        "\u043eps-2": "MIXED_SCRIPTS",
        "\u0441qar-ops": "RESERVED",
    }
    for actor, reason in refused.items():
        assert reason in await violations(mutations, named(actor)), actor
    # An actor may have many keys, and others that are told apart.
    second = a_key(key_id=an_id("second"), key_hash=FORGED, actor="ops-1")
    await commit(mutations, second, named("ops-2"), named("cqarina"))


async def test_a_key_of_before_such_names_were_refused_stays_valid_and_can_be_revoked(
    engine: AsyncEngine, mutations: Mutations, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(api_key, "RESERVED", "nobody")
        own = hash_of(await create_key(mutations, "cqar-importer", Role.WRITE))
    key = await ApiKeyCache(engine, lambda: NOW).find(own)
    assert key is not None
    await commit(mutations, changed(key, revoked_at=NOW))
