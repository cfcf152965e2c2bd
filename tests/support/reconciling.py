"""A reconciler in this process, beside a real writer and a venue's HTTP server."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from cqc.writer.v1 import registry_admin_pb2 as pb
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.importer.fetching import BaseUrls
from cqar.reconciler.app import Reconciler
from cqar.reconciler.config import ReconcilerConfig, VenueSetting
from cqar.reconciler.rounds import RoundReport, RoundRunner
from cqar.reconciler.state_folder import held_folder
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.domain.kinds.venue_facts import VENUE_FACTS
from tests.support.venue_http import Asked, Said, VenueServer, venue_server
from tests.support.writer_server import Client, serving

PAIRS = "/0/public/AssetPairs"
ASSETS = "/0/public/Assets"


def a_pair(base: str, quote: str = "USD", **changes: Any) -> dict[str, Any]:
    """A record of Kraken's AssetPairs as of 2025."""
    return {
        "altname": f"{base}{quote}",
        "wsname": f"{base}/{quote}",
        "aclass_base": "currency",
        "base": base,
        "aclass_quote": "currency",
        "quote": quote,
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": 2,
        "lot_decimals": 8,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[0, 0.4]],
        "fees_maker": [[0, 0.25]],
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": "0.001",
        "costmin": "0.5",
        "tick_size": "0.01",
        "status": "online",
        **changes,
    }


class SimulatedKraken:
    """What Kraken answers now; a test changes it between rounds.

    Attributes:
        said: Path -> an answer in the place of the usual one.
        answers: While it is not set, no answer comes.
    """

    def __init__(self, *pairs: dict[str, Any]) -> None:
        self.pairs = list(pairs)
        self.said: dict[str, Said] = {}
        self.answers = threading.Event()
        self.answers.set()

    def answer(self, asked: Asked) -> Said:
        self.answers.wait(60)
        path = asked.path.partition("?")[0]
        if path in self.said:
            return self.said[path]
        if path == PAIRS:
            result = {pair["altname"]: pair for pair in self.pairs}
            return Said(json.dumps({"error": [], "result": result}).encode())
        if path == ASSETS:
            codes = {pair[side] for pair in self.pairs for side in ("base", "quote")}
            result = {code: {"aclass": "currency", "altname": code} for code in sorted(codes)}
            return Said(json.dumps({"error": [], "result": result}).encode())
        return Said(b'{"error": ["EQuery:Unknown"]}', 404)

    @contextmanager
    def serving(self) -> Iterator[VenueServer]:
        with venue_server(self.answer) as server:
            yield server


class World:
    """A reconciler, its writer and its venue."""

    def __init__(self, reconciler: Reconciler, writer: Client, venue: VenueServer) -> None:
        self.reconciler = reconciler
        self.writer = writer
        self.venue = venue

    async def round(
        self, venue_id: str = "kraken", now: Callable[[], float] = time.time
    ) -> RoundReport:
        """One round.

        Args:
            now: Seconds since 1970, by the round's clock.
        """
        own = self.reconciler
        state = own.loop.states[venue_id]
        urls = BaseUrls(own.settings.base_urls)
        runner = RoundRunner(own.connection, own.http, urls, own.store, now)
        runner.products = own.runner.products
        return await asyncio.to_thread(runner.run, state)


async def kinds_changed(writer: Client, revision: int) -> set[str]:
    """Kinds of what changed after a revision; how current a venue's facts are is told anew by
    each round.
    """
    request = pb.ListChangesRequest(after_revision=revision, page_size=500)
    found = await writer.call(writer.admin.ListChanges, request)
    return {change.entity.kind for change in found.changes} - {VENUE_FACTS.name}


def settings_for(folder: Path, writer: Client, url: str, **changes: Any) -> ReconcilerConfig:
    key_file = folder.with_name(f"{folder.name}.key")
    key_file.write_text(writer.keys[Role.WRITE])
    given: dict[str, Any] = {
        "writer": writer.address,
        "key_file": str(key_file),
        "http_listen": "127.0.0.1:0",
        "state_folder": str(folder),
        "venues": (VenueSetting(venue_id="kraken"),),
        "base_urls": {"*": url},
        "request_interval_s": 0.0,
        **changes,
    }
    return ReconcilerConfig(**given)


@asynccontextmanager
async def reconciling(
    engine: AsyncEngine, now: Any, folder: Path, kraken: SimulatedKraken, **changes: Any
) -> AsyncIterator[World]:
    async with serving(engine, now) as writer:
        with kraken.serving() as venue:
            settings = settings_for(folder, writer, venue.url, **changes)
            with held_folder(folder) as held:
                reconciler = Reconciler(settings, held)
                yield World(reconciler, writer, venue)
                reconciler.close()
