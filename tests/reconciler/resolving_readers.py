"""Readers that resolve all the while, and may be told only what a venue's files say."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Final

import cqar
from cqar.sdk.enums import SpecsSource, Status
from tests.reconciler.played_venues import PlayedVenue
from tests.reconciler.raw_differences.differences import Records

FIELDS: Final = ("tick_size", "lot_size", "min_order_size", "contract_size")
BATCH: Final = 50
PAUSE_S: Final = 0.05
WRONG_MAX: Final = 20


class Readers:
    """What was asked, and what was wrong with an answer.

    Attributes:
        played: Venue -> number of its files that it has begun to answer with; never goes back.
        must_be_there: Venues of whose first file every open market has been listed.
    """

    def __init__(self, venues: Sequence[PlayedVenue], resolvers: Sequence[str], key: str) -> None:
        self._resolvers = resolvers
        self._key = key
        self._records: dict[str, list[Records]] = {
            venue.venue_id: [venue.records(0), venue.records(1)] for venue in venues
        }
        self.played = dict.fromkeys(self._records, 0)
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Ask every resolver until the block ends."""
        active = True

        async def read(resolver: str, choice: random.Random) -> None:
            async with cqar.AsyncClient(resolver, self._key) as client:
                while active:
                    await self._ask(client, choice)
                    await asyncio.sleep(PAUSE_S)

        async with asyncio.TaskGroup() as group:
            for number, resolver in enumerate(self._resolvers):
                group.create_task(read(resolver, random.Random(number)))
            try:
                yield
            finally:
                active = False

    async def _ask(self, client: cqar.AsyncClient, choice: random.Random) -> None:
        venue_id = choice.choice(list(self._records))
        files = self._records[venue_id]
        known = list(files[0].keys() | files[1].keys())
        spellings = choice.sample(known, min(BATCH, len(known)))
        try:
            answers = await client.resolve_batch([(venue_id, one) for one in spellings])
        except cqar.CqarError as error:
            self.answers[f"refused: {type(error).__name__}"] += 1
            return
        for answer in answers:
            if isinstance(answer, cqar.Miss):
                self.answers["not listed"] += 1
            elif answer.status is Status.FOUND:
                self.answers["found"] += 1
                self._check(answer)
            else:
                self.answers["ended"] += 1

    def _check(self, answer: cqar.Resolution) -> None:
        """Each value must stand in a file that the venue has answered with."""
        if answer.specs.source is SpecsSource.SYMBOL:
            return
        files = self._records[answer.venue_id][: self.played[answer.venue_id] + 1]
        for field in FIELDS:
            told: Decimal | None = getattr(answer.specs, field)
            stated = {records.get(answer.venue_symbol, {}).get(field) for records in files}
            if told is not None and told not in stated and len(self.wrong) < WRONG_MAX:
                text = f"{answer.venue_id} {answer.venue_symbol} {field} {told}, not of {stated}"
                self.wrong.append(text)
