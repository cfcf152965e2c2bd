"""Files of many venues imported into one registry, in a stack of its own."""

from __future__ import annotations

import asyncio
import datetime as dt
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from cqc.services.v1 import asset_registry_pb2 as pb

from cqar import catalogue
from cqar.admin.connection import Connection
from cqar.embedded.endpoints import Endpoints
from cqar.embedded.stack import StackOptions, remove_state, run_stack
from cqar.importer.apply import apply_entities
from cqar.importer.plan import Plan, make_plan
from cqar.importer.readers.product_line import matching
from cqar.importer.readers.registry import product_lines
from cqar.importer.registry_state import RegistryState, load_products, load_state
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue import VENUE, EnvironmentCode
from tools.venues.readings import FileReading, Progress, without_values

_MONTH_LENGTH: Final = len("2025-08")


class Imported(NamedTuple):
    """One file's import.

    Attributes:
        rejected: Reason, with its values left out -> number of markets.
        ours_s: Seconds of planning and applying.
    """

    file: FileReading
    listed: int
    changed: int
    ended: int
    new_assets: int
    by_ticker: int
    rejected: Counter[str]
    ours_s: float


class OneRegistry(NamedTuple):
    """The registry after all imports.

    Attributes:
        listings: The open ones.
        unverified: Tickers of assets that nobody has identified, with how many have each.
        took_s: Seconds of all imports.
    """

    imports: list[Imported]
    venues: int
    assets: int
    symbols: int
    listings: int
    unverified: dict[str, int]
    took_s: float


def chosen(files: Iterable[FileReading]) -> list[FileReading]:
    """Of each venue of the catalogue the newest files: whole ones if there are any, else samples.

    Tests' environments are left out.

    They come in the order of their dates, samples last: they are of no day.
    """
    by_venue: dict[str, list[tuple[int, FileReading, str]]] = {}
    for file in files:
        line = product_lines().get(file.listing.venue_id)
        found = matching(file.listing.request, line.requests) if line else None
        if line is None or found is None or line.environment is not EnvironmentCode.PRODUCTION:
            continue
        if file.reading.markets:
            rank = (0 if _date(file) else 2) + found[0].is_former
            by_venue.setdefault(line.venue_id, []).append((rank, file, line.file_name(found[0])))
    newest: list[FileReading] = []
    for candidates in by_venue.values():
        best = min(rank for rank, _, _ in candidates)
        of_request = {
            name: file
            for _, file, name in sorted(
                (c for c in candidates if c[0] == best), key=lambda c: c[1].date
            )
        }
        newest += of_request.values()
    return sorted(newest, key=lambda file: (not _date(file), file.date, file.listing.file))


def import_all(files: list[FileReading], progress: Progress) -> OneRegistry:
    """Start a stack, load the catalogue without listings, import the files in their order."""
    return asyncio.run(_with_stack(files, progress))


async def _with_stack(files: list[FileReading], progress: Progress) -> OneRegistry:
    state_dir, stop = Path(tempfile.mkdtemp(prefix="cqar-venues-")), asyncio.Event()
    done: list[OneRegistry] = []

    async def work(endpoints: Endpoints) -> None:
        done.append(await asyncio.to_thread(_import, endpoints, files, progress))
        stop.set()

    try:
        await run_stack(StackOptions(state_dir, resolvers=1), work, stop)
    finally:
        remove_state(state_dir)
    return done[0]


def _import(endpoints: Endpoints, files: list[FileReading], progress: Progress) -> OneRegistry:
    imports = []
    with Connection(endpoints.writer, endpoints.keys.admin) as writer:
        catalogue.load(writer, dt.datetime.now(dt.UTC), listings=False)
        for done, file in enumerate(files, 1):
            imports.append(_import_file(writer, file))
            progress(done, len(files))
        state = RegistryState(dt.datetime.now(dt.UTC))
        load_products(writer, state)
        request = pb.ListVenueSymbolsRequest(page_size=1)
        listings = writer.call(writer.registry.ListVenueSymbols, request).total_count
    tickers: dict[str, int] = {}
    for asset in state.all(ASSET):
        if asset.unverified:
            tickers[asset.symbol] = tickers.get(asset.symbol, 0) + 1
    return OneRegistry(
        imports,
        len({i.file.listing.venue_id for i in imports}),
        sum(1 for _ in state.all(ASSET)),
        sum(1 for _ in state.all(SYMBOL)),
        listings,
        tickers,
        sum(i.ours_s for i in imports),
    )


def _import_file(writer: Connection, file: FileReading) -> Imported:
    venue: Any = _venue(writer, file.listing.venue_id)
    as_of = _date(file)
    at = as_of or dt.datetime.now(dt.UTC)
    began = time.monotonic()
    state = load_state(writer, venue, at, as_of, prices_at=file.reading.priced_at(at))
    plan = make_plan(state, venue, file.reading, at, {}, allow_mass_change=True)
    changes = [(o.kind, o.after) for o in plan.changes if o.after is not None]
    applied = apply_entities(
        writer, changes, "import for docs/VENUES.md", if_revision=state.revision, as_of=as_of
    )
    took = time.monotonic() - began
    rejected = Counter(without_values(row.reason) for row in (*plan.rejected, *applied.rejected))
    return _counts(file, plan, rejected, took)


def _counts(file: FileReading, plan: Plan, rejected: Counter[str], took: float) -> Imported:
    return Imported(
        file,
        len(plan.listed),
        len(plan.changed),
        len(plan.delisted),
        len(plan.new_assets),
        len(plan.bindings),
        rejected,
        took,
    )


def _venue(writer: Connection, venue_id: str) -> Any:
    request = pb.GetVenueRequest(venue_id=venue_id)
    answer = writer.call(writer.registry.GetVenue, request)
    return entity_codec.from_message(VENUE, answer.venue)


def _date(file: FileReading) -> dt.datetime | None:
    """The file's day; of a file that tells the month alone, its first one."""
    try:
        day = file.date + "-01" if len(file.date) == _MONTH_LENGTH else file.date
        return dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)
    except ValueError:
        return None
