"""The raw records that the registry has of listings, beside those that findings are from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin.connection import CallFailed, Connection
from cqar.importer.differences.findings import record_of
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kinds.finding import RECORDS_MAX, Finding, FindingAction
from cqar_shared.domain.kinds.listing_source import LISTING_SOURCE, ListingSource

#: So many findings of one import get the record of before: each asks the writer once.
ASKED_MAX: Final = 500


def with_records_before(connection: Connection, findings: Sequence[Finding]) -> list[Finding]:
    """The findings that people decide with the record of before, as far as there is one.

    Raises:
        CallFailed: The writer refused or did not answer.
    """
    asked = [f for f in findings if f.action is not FindingAction.APPLY and f.venue_symbol]
    sources = {f.finding_id: _source_of(connection, f) for f in asked[:ASKED_MAX]}
    return [_with_record(finding, sources.get(finding.finding_id)) for finding in findings]


def _with_record(finding: Finding, before: ListingSource | None) -> Finding:
    records = finding.records or ()
    if before is None or len(records) == RECORDS_MAX:
        return finding
    records = (record_of(before, is_before=True), *records)
    return msgspec.structs.replace(finding, records=records)


def _source_of(connection: Connection, finding: Finding) -> ListingSource | None:
    """What is recorded of the listing that it is about; another period's does not count."""
    request = pb.GetListingSourceRequest(
        venue_id=finding.venue_id or "", venue_symbol=finding.venue_symbol or ""
    )
    try:
        answer = connection.call(connection.admin.GetListingSource, request)
    except CallFailed as error:
        if error.code == "NOT_FOUND":
            return None
        raise
    source = entity_codec.from_message(LISTING_SOURCE, answer.listing_source)
    return source if source.listing_id == finding.listing_id else None
