"""A case's steps, taken by the product's own importer, and what the registry then answers."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import grpc
import msgspec
from cqc.resolver.v1 import resolver_pb2
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from cqc.services.v1 import asset_registry_pb2
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryStub
from cqc.writer.v1 import finding_pb2, registry_admin_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.admin.connection import Connection
from cqar.importer.answer_dates import LISTINGS_SINCE
from cqar.importer.answer_reader import Reading, read_answers
from cqar.importer.apply import apply_entities, apply_plan
from cqar.importer.plan import Plan, make_plan
from cqar.importer.readers.registry import product_line_of
from cqar.importer.reference.list_file import decode_list
from cqar.importer.reference.list_kinds import LIST_KINDS, plan_list
from cqar.importer.reference.reference_state import load_reference_state
from cqar.importer.registry_state import load_state
from cqar.importer.saved_answers import DecodedAnswer, decode
from cqar_resolver.app import Resolver
from cqar_resolver.config import ResolverConfig
from cqar_shared.codec import entity_codec
from cqar_shared.domain.finding_policy import FindingRule
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VenueAsset
from cqar_writer.relays.change_relay import ChangeRelay
from tests.cases.case_files import Step
from tests.cases.finding_lookup import findings_about
from tests.cases.known_before import Ending, Known
from tests.support.archived_option import Clock
from tests.support.commits import drain, eventually, head_of
from tests.support.follower_setup import resolving, stands_at
from tests.support.grpc_front import FRONT
from tests.support.memory_registry_view import KIND_OF, changed
from tests.support.writer_server import Client, serving

#: Requests are made from plain values.
pb: Any = resolver_pb2
rpb: Any = asset_registry_pb2
admin_pb: Any = registry_admin_pb2
WAIT_S = 60
#: Who decides in cases; none of them proposes anything.
PEOPLE = ("ann", "ben")
OPEN_STATES = (finding_pb2.FINDING_STATE_OPEN, finding_pb2.FINDING_STATE_HELD)


def require_none(left: list[Any]) -> None:
    """Fail with what there is."""
    assert not left, left


def _decoded(answers: dict[str, msgspec.Raw]) -> list[DecodedAnswer]:
    return [decode(name, bytes(raw), name) for name, raw in answers.items()]


class Imported(NamedTuple):
    """What an import read, and what became of it."""

    reading: Reading
    plan: Plan


class Story:
    """A registry that lives through a case; what it is asked is answered as of now there.

    Attributes:
        assets: Name in the case -> id.
        imported: Venue -> its last import.
        target: HOST:PORT of the resolver.
        resolver: Stub of the resolver's own service.
        registry: Stub of the resolver's registry.
        rules: The policy of imports; None: the writer's.
    """

    def __init__(self, clock: Clock, writer: Client, engine: AsyncEngine) -> None:
        self.clock = clock
        self.writer = writer
        self.assets: dict[str, str] = {}
        self.imported: dict[str, Imported] = {}
        self.target = ""
        self.resolver: Any = None
        self.registry: Any = None
        self.rules: tuple[FindingRule, ...] | None = None
        self._engine = engine
        self._endings: list[Ending] = []

    async def begin(self, known: Known) -> None:
        """Store what is known before."""
        self.assets, self._endings = known.assets, known.endings
        await asyncio.to_thread(self._store, *known.entities)

    async def take(self, step: Step, *, allow_mass_change: bool = False) -> None:
        """Import what a venue answered or a list says, or decide a finding."""
        before, self.clock.now = self.clock.now, max(self.clock.now, step.at)
        for at, entity in self._endings:
            if before < at <= self.clock.now:
                await asyncio.to_thread(self._end, entity, at)
        if step.decide:
            await self._decide(step)
        elif step.list:
            await asyncio.to_thread(self._import_list, step)
        else:
            await asyncio.to_thread(self._import, step, allow_mass_change=allow_mass_change)

    async def _decide(self, step: Step) -> None:
        """Let one person after the other decide the one open finding that a step means."""
        kinds = [step.finding] if isinstance(step.finding, str) else list(step.finding)
        findings = [
            finding
            for finding in await findings_about(self, step.about)
            if finding.kind in kinds
            and finding.state in OPEN_STATES
            and (not step.field or step.field in {one.field for one in finding.differences})
        ]
        assert findings, f"no open finding {kinds} about {step.about}"
        asset = step.choice.get("asset")
        for actor in step.by:
            decision = admin_pb.DecideProposalRequest(
                finding_id=findings[0].finding_id,
                verdict=finding_pb2.FindingVerdict.Value(f"FINDING_VERDICT_{step.decide.upper()}"),
                reason="as the case says",
                asset_id=self.assets[asset] if asset else "",
                units=step.choice.get("units", ""),
            )
            answer = await self.writer.call_as(actor, self.writer.admin.DecideProposal, decision)
            if not answer.approvals_missing:
                break

    def _connect(self) -> Connection:
        return Connection(self.writer.address, self.writer.keys[Role.WRITE])

    def _store(self, *entities: Any) -> None:
        pairs = [(KIND_OF[type(entity)], entity) for entity in entities]
        with self._connect() as connection:
            result = apply_entities(connection, pairs, "known before")
        require_none(result.rejected)

    def _end(self, code: VenueAsset, at: dt.datetime) -> None:
        self._store(changed(code, delisted_at=at, trading_enabled=None))

    def _import_list(self, step: Step) -> None:
        """As `cqar import tokenlist FILE --name … --at …` does."""
        kind = LIST_KINDS[step.list]
        (content,) = step.answers.values()
        source = decode_list(bytes(content), step.name, step.name)
        with self._connect() as connection:
            state = load_reference_state(connection, step.at, kind.needs, kind.finding_kinds)
            plan = plan_list(kind, state, source, step.at)
            entities = [(o.kind, o.after) for o in plan.changes if o.after is not None]
            result = apply_entities(connection, entities, "import", if_revision=plan.revision)
        require_none(result.rejected)

    def _import(self, step: Step, *, allow_mass_change: bool) -> None:
        """As `cqar import VENUE --file NAME=… --at …` does."""
        line = product_line_of(step.venue)
        assert line is not None, step.venue
        reading = read_answers(line, _decoded(step.answers), _decoded(step.prices), step.at)
        require_none(reading.unused)
        with self._connect() as connection:
            asked = rpb.GetVenueRequest(venue_id=step.venue)
            found = connection.call(connection.registry.GetVenue, asked).venue
            venue = entity_codec.from_message(VENUE, found)
            names = [
                spelling
                for market in reading.markets
                for spelling in (market.spelling, *(alias.spelling for alias in market.aliases))
            ]
            archivable = names if LISTINGS_SINCE in (venue.metadata or {}) else []
            state = load_state(
                connection, venue, step.at, step.at, archivable, reading.priced_at(step.at)
            )
            state.rules = state.rules if self.rules is None else self.rules
            plan = make_plan(
                *(state, venue, reading, step.at, {}), allow_mass_change=allow_mass_change
            )
            result = apply_plan(connection, plan, "import", state.revision, step.at)
        require_none(result.rejected)
        self.imported[step.venue] = Imported(reading, plan)

    async def resolve(
        self, venue_id: str, spelling: str, as_of: dt.datetime | None = None
    ) -> resolver_pb2.Resolution:
        """What a spelling means; NOT_FOUND is an answer, too."""
        key = pb.VenueSymbolKey(venue_id=venue_id, venue_symbol=spelling)
        request = pb.ResolveBatchRequest(keys=[key], as_of=as_of)
        answer = await self.ask(self.resolver.ResolveBatch, request)
        found: resolver_pb2.Resolution = answer.resolutions[0]
        return found

    async def ask(self, method: Any, request: Any) -> Any:
        """The resolver's answer at the writer's newest revision."""
        head = await head_of(self._engine)
        least = ("cqar-min-revision", f"{head.epoch}:{head.revision}")
        return await method(request, metadata=(least,), timeout=WAIT_S)

    async def catch_up(self, resolver: Resolver, relay: ChangeRelay) -> None:
        """Wait until the resolver serves all that is committed, and knows that it does."""
        await drain(relay)
        head = await head_of(self._engine)
        await eventually(lambda: stands_at(resolver.view, head.epoch, head.revision), WAIT_S)
        await eventually(lambda: resolver.view.state == pb.SNAPSHOT_STATE_LIVE, WAIT_S)


@asynccontextmanager
async def telling(
    known: Known, begin: dt.datetime, config: ResolverConfig, engine: AsyncEngine
) -> AsyncIterator[tuple[Story, Resolver]]:
    """A registry that knows what a case begins with, and a resolver that follows it.

    Args:
        begin: The instant of the case's first step.
    """
    clock = Clock()
    clock.now = begin
    async with serving(engine, clock, actors=PEOPLE) as writer:
        story = Story(clock, writer, engine)
        await story.begin(known)
        async with resolving(config, clock) as resolver:
            server = resolver.make_server(resolver.unguarded(), front=FRONT)
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            try:
                story.target = f"127.0.0.1:{port}"
                async with grpc.aio.insecure_channel(story.target) as channel:
                    story.resolver, story.registry = (
                        ResolverStub(channel),
                        AssetRegistryStub(channel),
                    )
                    yield story, resolver
            finally:
                await server.stop(None)
