"""`python -m tests.reconciler.measured_round`: a full round over 30 venues' files, in one process.

Each venue's largest file is read, planned against the registry's products in memory, and applied
to a real stack by the function that the reconciler calls; then all once more. Requests to venues
are left out: they are waited for, beside each other, and take no processor.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import time
from typing import Final

from cqar.admin.connection import CallFailed, Connection
from cqar.embedded.stack import StackOptions
from cqar.importer.answer_reader import Reading
from cqar.importer.registry_products import Products
from cqar.importer.saved_answers import UnusableAnswer
from cqar.importer.venue_round import RoundOptions, run_round
from tests.acceptance.conftest import running_stack
from tests.readers import files_a, files_b
from tests.readers.listing_files import VENUES, Listing
from tests.readers.test_readers import reading_of
from tests.support.memory_folder import server_folder

VENUES_READ: Final = 30
KIB_IN_MIB: Final = 1_024


def largest_files() -> list[Listing]:
    """The largest file of each venue, of the 30 venues with the largest ones."""
    largest: dict[str, Listing] = {}
    for listing in (*files_a.LISTINGS, *files_b.LISTINGS):
        known = largest.get(listing.venue_id)
        if known is None or size_of(listing) > size_of(known):
            largest[listing.venue_id] = listing
    return sorted(largest.values(), key=size_of, reverse=True)[:VENUES_READ]


def size_of(listing: Listing) -> int:
    return (VENUES / listing.file).stat().st_size


def as_of_now(listing: Listing) -> Reading:
    """What a file says, as if it were an answer of now."""
    reading = reading_of(listing)
    reading.taken_at = None
    reading.sources = [source._replace(taken_at=None) for source in reading.sources]
    return reading


def one_round(connection: Connection, products: Products) -> str:
    """Read, plan and apply them all: what that took."""
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    records = changes = findings = 0
    failed = []
    for listing in largest_files():
        options = RoundOptions(allow_mass_change=True, verb="measurement")
        try:
            done = run_round(
                *(connection, listing.venue_id, lambda _, one=listing: as_of_now(one), options),
                products=products,
            )
        except (UnusableAnswer, CallFailed) as error:
            failed.append(f"{listing.venue_id}: {error}")
            continue
        records += done.plan.reading.records
        changes += len(done.plan.changes)
        findings += len(done.plan.findings)
    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    rss_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_IN_MIB
    counted = f"{records:,} records, {changes:,} changes, {findings:,} findings"
    return f"{took_s:.1f} s ({cpu_s:.1f} s CPU), at most {rss_mib:.0f} MiB: {counted}; {failed}"


def measure(address: str, key: str) -> None:
    """Of this process alone: the stack is another one's."""
    products = Products()
    with Connection(address, key) as connection:
        for name in ("first", "second", "third"):
            sys.stdout.write(f"{name} round: {one_round(connection, products)}\n")
            sys.stdout.flush()


async def on_stack() -> None:
    with server_folder() as folder:
        async with running_stack(StackOptions(folder / "state", resolvers=1)) as stack:
            await stack.ok("catalogue", "load", "--no-listings")
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.reconciler.measured_round"),
                *("--writer", stack.endpoints.writer, "--key", stack.endpoints.keys.admin),
            )
            if await process.wait():
                raise RuntimeError("the measurement failed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writer", default="", help="HOST:PORT of a writer; without it, a stack")
    parser.add_argument("--key", default="")
    given = parser.parse_args()
    if given.writer:
        measure(given.writer, given.key)
    else:
        asyncio.run(on_stack())


if __name__ == "__main__":
    main()
