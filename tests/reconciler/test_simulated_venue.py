"""The deployed reconciler beside readers, while the venue does what venues do."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.acceptance.conftest import Stack, empty_state, stack
from tests.reconciler.played_venues import FEW
from tests.reconciler.trial_run import trial

__all__ = ["empty_state", "stack"]

SEED = 19
MANNERS = 8
KILL_EVERY_S = 5


@pytest.fixture(scope="module")
async def registry(stack: Stack) -> Stack:
    """Assets, chains and venues of the catalogue; no listings, so that each file tells its own."""
    await stack.ok("catalogue", "load", "--no-listings")
    return stack


async def test_every_difference_is_found_once_and_nothing_else_changes_whatever_the_venue_does(
    registry: Stack, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    async with trial(FEW, registry, tmp_path) as running:
        await running.first_files()
        await running.rudeness(MANNERS, chance)
        async with running.killing(KILL_EVERY_S, chance):
            await running.second_files()
            await running.rudeness(MANNERS, chance)
            await running.changed_form()
            await running.former_form()
        assert running.readers.answers["found"] > 0
        assert running.kills > 0
