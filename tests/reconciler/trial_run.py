"""The deployed process against a simulated venue, step by step; each step says what it proved.

Whatever the venue does, the log of the registry may have just the differences between the files
that it has played, each once. They are compared as raw files, without any code of the importer.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from cqar_shared.domain.kinds.finding import FINDING, UNDECIDED
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, is_open
from tests.acceptance.conftest import Stack
from tests.reconciler import venue_server
from tests.reconciler.change_log import (
    CODE,
    ChangeLog,
    Logged,
    identity_questions,
    is_new_finding,
    venue_differences,
)
from tests.reconciler.played_venues import PlayedVenue
from tests.reconciler.raw_differences.differences import (
    ENDED,
    LISTED,
    MISSING,
    UNREADABLE,
    Answer,
    Difference,
    aliases_of,
    differences,
)
from tests.reconciler.raw_forms import changed_paths
from tests.reconciler.reconciler_process import ReconcilerProcess
from tests.reconciler.resolving_readers import Readers
from tests.reconciler.venue_server import VenueServer

#: A step that takes longer has failed.
STEP_S_MAX: Final = 120.0
LOOK_EVERY_S: Final = 0.5
SHOWN: Final = 10
#: Rounds that follow one that changed nothing more.
GOOD_ROUNDS: Final = 2
INTERVAL_S: Final = 1
#: Two sightings so far apart end what is missing.
GONE_AFTER_S: Final = 600.0
CHANGED_FORM: Final = "CHANGED_FORM"

Expected = dict[str, Counter[Difference]]


class Step(NamedTuple):
    """What one step of the trial took and proved."""

    name: str
    seconds: float
    revisions: int
    differences: int
    requests: str


class Failed(AssertionError):
    """The registry is not as the files are."""


def _is_of(each: Logged, spelling: str) -> bool:
    return getattr(each.after, "venue_symbol", None) == spelling


class Trial:
    """The venues, the processes and the log of one trial."""

    def __init__(
        self, venues: Sequence[PlayedVenue], stack: Stack, server: VenueServer, folder: Path
    ) -> None:
        self.venues = venues
        self.server = server
        self.steps: list[Step] = []
        self.kills = 0
        endpoints = stack.endpoints
        sockets = [f"unix:{path}" for path in endpoints.resolver_sockets]
        self.readers = Readers(venues, sockets, endpoints.keys.read)
        self.log = ChangeLog(endpoints.postgres)
        settings: dict[str, object] = {
            "writer": endpoints.writer,
            "key_file": str(folder / "reconciler.key"),
            "venues": [{"venue_id": venue.venue_id} for venue in venues],
            "base_urls": {"*": server.base_url},
            "interval_s": INTERVAL_S,
            "backoff_s_max": 2,
            "request_interval_s": 0,
        }
        self.processes = [ReconcilerProcess(name, folder, settings) for name in ("one", "two")]
        #: Venue -> when it began to answer with its second file, by this machine's clock.
        self._changed_s: dict[str, float] = {}
        for venue in venues:
            self._play(venue, 0)

    def _play(self, venue: PlayedVenue, number: int) -> None:
        self.readers.played[venue.venue_id] = number
        self.server.answer(venue.address, venue.body(number))
        for address in venue.beside:
            self.server.answer(address, venue.beside_body(number))

    # ------------------------------------------------------------------ steps

    async def first_files(self) -> None:
        """Two processes at once list all that the first files name."""
        now = dt.datetime.now(dt.UTC)
        nothing = Answer({}, now)
        expected = {
            venue.venue_id: Counter(differences(nothing, Answer(venue.records(0), now)))
            for venue in self.venues
        }
        await self._step("first files", expected)

    async def rudeness(self, manners: int, chance: random.Random, name: str = "no answers") -> None:
        """Whatever the venues answer instead of answering changes nothing.

        Args:
            manners: So many of each venue.
        """
        began_s = time.time()
        for venue in self.venues:
            self.server.behave(venue.address, *self._manners(venue, manners, chance))
        expected: Expected = {venue.venue_id: Counter() for venue in self.venues}
        await self._step(name, expected, began_s=began_s)

    def _manners(
        self, venue: PlayedVenue, count: int, chance: random.Random
    ) -> list[venue_server.Manner]:
        old = venue_server.older(venue.body(0), time.time() - 1_800)
        limits = [venue_server.rate_limited(1), venue_server.banned(1), venue_server.hangs(1)]
        found = [*venue_server.RUDE, *limits]
        # An answer of before is known by its own time, where it tells one.
        found += [old] if venue_server.tells_time(venue.body(0)) else []
        return [chance.choice(found) for _ in range(count)]

    async def second_files(self) -> None:
        """Each difference between the files is found once."""
        now = dt.datetime.now(dt.UTC)
        expected = {}
        for venue in self.venues:
            before, after = Answer(venue.records(0), now), Answer(venue.records(1), now)
            found = Counter(differences(before, after))
            paths = changed_paths(venue.body(0), venue.body(1))
            found.update(Difference("", CHANGED_FORM, path) for path in paths if "[]" in path)
            expected[venue.venue_id] = found
            self._play(venue, 1)
            self._changed_s[venue.venue_id] = time.time()
        await self._step("second files", expected)

    async def changed_form(self) -> None:
        """A field of every record becomes an object: none can be read, and it is said once why."""
        expected = {}
        now = dt.datetime.now(dt.UTC)
        for venue in self.venues:
            open_now = {
                each.venue_symbol
                for each in self.log.entities(VENUE_SYMBOL.name)
                if each.venue_id == venue.venue_id and is_open(each, now) and not each.alias_of
            }
            named = open_now & venue.records(1).keys()
            found = Counter(Difference(name, UNREADABLE) for name in named)
            changed = venue_server.with_object(venue.body(1), venue.field)
            paths = changed_paths(venue.body(1), changed)
            found.update(Difference("", CHANGED_FORM, path) for path in paths)
            expected[venue.venue_id] = found
            self.server.answer(venue.address, changed)
        await self._step("changed form", expected)

    async def former_form(self) -> None:
        """The form of before: what was found of the change is over, and nothing else changes."""
        for venue in self.venues:
            self._play(venue, 1)
        await self._step("form of before", {venue.venue_id: Counter() for venue in self.venues})
        # The last rounds were answered; that they are applied, too, may take as long again.
        began_s = time.time()
        while undecided := self._open_of_form():
            if time.time() - began_s > STEP_S_MAX:
                raise Failed(f"{undecided} findings of the change of form are open still")
            await asyncio.sleep(LOOK_EVERY_S)
            await self.log.read_on()

    def _open_of_form(self) -> int:
        """How many listings' findings of a change of form wait to be decided."""
        of_form = (UNREADABLE, CHANGED_FORM)
        found = [f for f in self.log.entities(FINDING.name) if f.kind in of_form]
        return sum(f.state in UNDECIDED and bool(f.venue_symbol) for f in found)

    async def gone(self) -> None:
        """What is missing for the second time ends, once, with its aliases; nothing else."""
        expected = {}
        for venue in self.venues:
            now = dt.datetime.now(dt.UTC)
            before, after = Answer(venue.records(0), now), Answer(venue.records(1), now)
            missing = [d.spelling for d in differences(before, after) if d.what == MISSING]
            ended = [name for one in missing for name in (one, *aliases_of(before.records[one]))]
            found = Counter(Difference(one, "GONE") for one in missing)
            found.update(Difference(one, ENDED) for one in ended)
            expected[venue.venue_id] = found
        left_s = max(self._changed_s.values()) + GONE_AFTER_S - time.time()
        await self._step("missing twice", expected, seconds_max=max(left_s, 0) + STEP_S_MAX)

    # ------------------------------------------------------------------ how a step is judged

    async def _step(
        self,
        name: str,
        expected: Expected,
        began_s: float | None = None,
        seconds_max: float = STEP_S_MAX,
    ) -> None:
        """Wait until the log has what is expected, and no more after two more rounds.

        Raises:
            Failed: It has something else, or not everything in time.
        """
        began_s = began_s or time.time()
        await self.log.read_on()
        revision, start = self.log.revision, self._step_revision
        while True:
            await self._require_alive()
            wanting = self._judge(start, expected)
            if not wanting and await self._quiet(began_s):
                break
            if time.time() - began_s > seconds_max:
                raise Failed(f"{name}: after {seconds_max:.0f} s: {wanting or 'no good rounds'}")
            await asyncio.sleep(LOOK_EVERY_S)
            await self.log.read_on()
        await self.log.read_on()
        if left := self._judge(start, expected):
            raise Failed(f"{name}: {left}")
        if self.readers.wrong:
            raise Failed(f"{name}: readers were told {self.readers.wrong[:SHOWN]}")
        # Who is refused is told nothing wrong, and proves nothing.
        if self.readers.answers["found"] <= self._found_before:
            raise Failed(f"{name}: readers were answered nothing: {self.readers.answers}")
        self._found_before = self.readers.answers["found"]
        total = sum(found.total() for found in expected.values())
        taken = (time.time() - began_s, self.log.revision - revision, total)
        self.steps.append(Step(name, *taken, self._requests(began_s)))
        self._step_revision = self.log.revision

    _step_revision = 0
    _found_before = 0

    def _judge(self, since: int, expected: Expected) -> str:
        """What the log lacks; empty: nothing.

        Raises:
            Failed: It has what is not expected.
        """
        logged = self.log.since(since)
        wanting: list[str] = []
        for venue_id, wanted in expected.items():
            found = venue_differences(logged, venue_id)
            if more := list((found - wanted).elements())[:SHOWN]:
                history = [each for each in logged if _is_of(each, more[0].spelling)]
                told = "\n".join(map(str, history))
                raise Failed(f"{venue_id}: not in the files, or not once: {more}; {told}")
            listed = {each.spelling for each in wanted if each.what == LISTED}
            for (kind, name, _), count in identity_questions(logged, venue_id).items():
                is_new = name in listed or (name.startswith(CODE) and listed)
                if not is_new or count > 1:
                    made = [each for each in logged if is_new_finding(each, venue_id)]
                    names = ((each, (each.after.venue_symbol, each.after.code)) for each in made)
                    history = [each for each, of in names if name.removeprefix(CODE) in of]
                    raise Failed(f"{venue_id}: {kind} of {name}, {count} times: {history}")
            wanting += map(str, list((wanted - found).elements())[:SHOWN])
        return "; ".join(wanting[:SHOWN])

    async def _quiet(self, began_s: float) -> bool:
        """Whether every venue showed all its manners, and was then read again and again."""
        for venue in self.venues:
            if not self.server.is_polite(venue.address):
                return False
            asked = [each for each in self.server.asked(venue.address) if each.at_s >= began_s]
            last = [each.got for each in asked[-GOOD_ROUNDS - 1 :]]
            if last != ["answer"] * (GOOD_ROUNDS + 1):
                return False
        return True

    def _requests(self, began_s: float) -> str:
        got = Counter(
            each.got
            for venue in self.venues
            for each in self.server.asked(venue.address)
            if each.at_s >= began_s
        )
        return ", ".join(f"{count} {name}" for name, count in sorted(got.items()))

    async def _require_alive(self) -> None:
        for process in self.processes:
            if not process.is_running() and not self._is_killing:
                raise Failed(f"{process.name} has ended: {process.logs[-1].read_text()[-2000:]}")

    # ------------------------------------------------------------------ kills

    _is_killing = False

    @asynccontextmanager
    async def killing(self, every_s: float, chance: random.Random) -> AsyncIterator[None]:
        """SIGKILL one of the processes now and then, and begin it again."""

        async def kill() -> None:
            while True:
                await asyncio.sleep(chance.uniform(0.5, 1.5) * every_s)
                process = chance.choice(self.processes)
                self._is_killing = True
                await process.kill()
                await process.start()
                self._is_killing = False
                self.kills += 1

        task = asyncio.create_task(kill())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def trial(venues: Sequence[PlayedVenue], stack: Stack, folder: Path) -> AsyncIterator[Trial]:
    """Start the venue, two processes and the readers.

    Args:
        stack: Its registry has the catalogue, and none of the venues' listings.
    """
    made = await stack.ok("keys", "make", "reconciler", "--role", "write")
    (folder / "reconciler.key").write_text(made.out.strip())
    with VenueServer().running() as server:
        running = Trial(venues, stack, server, folder)
        await running.log.read_on()
        running._step_revision = running.log.revision
        try:
            for process in running.processes:
                await process.start()
            for process in running.processes:
                await process.until_ready()
            async with running.readers.reading():
                yield running
        finally:
            for process in running.processes:
                await process.kill()
