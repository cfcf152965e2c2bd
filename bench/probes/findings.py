"""Findings at the writer: very many are made, listed by filters, and decided one by one."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from itertools import cycle, islice
from typing import Any, Final

from cqc.services.v1 import asset_registry_pb2 as registry_pb
from cqc.writer.v1 import api_key_pb2, finding_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin.connection import Connection
from cqar_shared.trust.key_text import fresh_key, hash_of

TIMEOUT_S: Final = 120.0
PROPOSED_AT_ONCE: Final = 1_000
#: Of a venue of 40, and of these kinds, as an import of everything would make them.
KINDS: Final = ("SAME_TICKER", "SAME_TICKER", "STEPS_COARSER", "DUPLICATE", "REUSE", "UNREADABLE")
VENUES: Final = 40
CANDIDATES: Final = 5_000
_RAW: Final = '{"symbol":"S","baseAsset":"S","status":"TRADING","tickSize":"0.01","minQty":"1"}'


def fill(writer: str, api_key: str, count: int) -> int:
    """Make so many findings; returns how many there are."""
    with Connection(writer, api_key) as connection:
        for start in range(0, count, PROPOSED_AT_ONCE):
            numbers = range(start, min(count, start + PROPOSED_AT_ONCE))
            request = pb.ProposeRequest(findings=map(_finding, numbers))
            connection.call(connection.admin.Propose, request)
        counts = connection.call(connection.admin.ListProposals, pb.ListProposalsRequest()).counts
    return sum(counts.values())


def _finding(number: int) -> finding_pb2.Finding:
    finding = finding_pb2.Finding(
        kind=KINDS[number % len(KINDS)],
        venue_id=f"venue-{number % VENUES}",
        venue_symbol=f"S{number}USDT",
        code=f"S{number}",
        asset_id=_id(f"own {number}"),
        summary=f"venue-{number % VENUES} S{number}: is it one of these?",
    )
    for offset in range(3):
        candidate = _id(f"candidate {(number + offset) % CANDIDATES}")
        finding.evidence.add(kind="TICKER", asset_id=candidate, detail="the same ticker")
    finding.records.add(raw=_RAW, request="GET /api/v3/exchangeInfo", reader="bench 1")
    return finding


def _id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def listed(writer: str, api_key: str, filters: Sequence[dict[str, Any]], count: int) -> list[float]:
    """Microseconds of lists of a hundred, by these filters in turn."""
    latencies_us = []
    with Connection(writer, api_key) as connection:
        for number, fields in enumerate(islice(cycle(filters), count + 1)):
            request = pb.ListProposalsRequest(**fields)
            start_s = time.perf_counter()
            connection.call(connection.admin.ListProposals, request)
            if number:  # the first connects
                latencies_us.append((time.perf_counter() - start_s) * 1e6)
    return latencies_us


def decided(writer: str, api_key: str, keys: Sequence[Sequence[str]], count: int) -> list[float]:
    """Microseconds of approvals, each of which changes a fee of a listing."""
    latencies_us: list[float] = []
    with Connection(writer, api_key) as importer, Connection(writer, _another(importer)) as person:
        while len(latencies_us) < count:
            findings = _proposed(importer, keys)
            for finding in findings[: count - len(latencies_us)]:
                request = pb.DecideProposalRequest(
                    finding_id=finding.finding_id,
                    verdict=finding_pb2.FINDING_VERDICT_APPROVE,
                    reason="bench",
                )
                start_s = time.perf_counter()
                answer = person.call(person.admin.DecideProposal, request)
                latencies_us.append((time.perf_counter() - start_s) * 1e6)
                assert answer.finding.state == finding_pb2.FINDING_STATE_APPROVED
    return latencies_us


def _another(connection: Connection) -> str:
    """Make the key of another actor: who opens a finding does not decide it."""
    secret = fresh_key()
    name = f"bench decider {uuid.uuid4().hex[:12]}"
    key = api_key_pb2.ApiKey(key_hash=hash_of(secret), actor=name, role=api_key_pb2.ROLE_WRITE)
    connection.apply(pb.ApplyRequest(items=[pb.ApplyItem(api_key=key)]), "bench", "key")
    return secret


def _proposed(connection: Connection, keys: Sequence[Sequence[str]]) -> list[Any]:
    """Propose another taker fee of each listing; a kind of its own leaves the others alone."""
    kind, request = f"BENCH_{uuid.uuid4().hex[:12]}", pb.ProposeRequest()
    for venue_id, spelling in keys:
        asked = registry_pb.GetVenueSymbolRequest(venue_id=venue_id, venue_symbol=spelling)
        listing = connection.call(connection.registry.GetVenueSymbol, asked).venue_symbol
        finding = request.findings.add(
            kind=kind, venue_id=venue_id, venue_symbol=spelling, listing_id=listing.listing_id
        )
        before = listing.exact.taker_fee
        after = "0.0005" if before != "0.0005" else "0.0006"
        finding.differences.add(field="taker_fee", before=before, after=after)
    return list(connection.call(connection.admin.Propose, request).findings)
