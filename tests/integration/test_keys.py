"""Who looks for keys that nobody has keeps nobody from being found."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.auth import hash_of
from shared.entities.api_key import Role
from shared.errors import TooMany
from tests.builders import NOW
from writer import keys
from writer.keys import Keys, create_key
from writer.mutations import Mutations


async def test_made_up_keys_are_looked_for_at_a_bounded_rate(
    engine: AsyncEngine, mutations: Mutations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "REMEMBERED_MAX", 10)
    monkeypatch.setattr(keys, "NEW_PER_S", 10.0)
    own = hash_of(await create_key(mutations, "desk", Role.READ))
    found = Keys(engine, lambda: NOW)
    assert await found.find(own) is not None

    async def flood() -> None:
        for number in range(1_000):
            assert await found.find(hash_of(f"none {number}")) is None

    with pytest.raises(TooMany):
        await flood()
    assert await found.find(own) is not None
