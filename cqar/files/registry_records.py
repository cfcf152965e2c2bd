"""The registry's entities as records: of now, of a revision or of an instant."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple

from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin.connection import CallFailed, Connection
from cqar.files.folder_layout import order_of
from cqar.files.record_form import FILE_KINDS, record_of
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KIND_BY_NAME


class RegistryRecords(NamedTuple):
    """Entities of one revision.

    Attributes:
        messages: (kind, key) -> the kind's message.
        revision: The registry's, of which they are.
    """

    messages: dict[tuple[str, str], Any]
    revision: int
    epoch: int

    def records(self, is_wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """The records that are wanted, in their order."""
        found = (record_of(KIND_BY_NAME[kind], m) for (kind, _), m in self.messages.items())
        return sorted(filter(is_wanted, found), key=order_of)

    def labels(self) -> dict[str, str]:
        """Id -> what people call it."""
        names = {"asset": "symbol", "symbol": "symbol", "asset_group": "name"}
        return {
            key: getattr(message, names[kind])
            for (kind, key), message in self.messages.items()
            if kind in names
        }


def load_records(
    connection: Connection,
    kinds: Iterable[AnyKind] = FILE_KINDS,
    revision: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> RegistryRecords:
    """Read entities of some kinds.

    Args:
        revision: As of which; zero: the newest.
        progress: Called with how many there are so far.

    Raises:
        CallFailed: The writer refused or did not answer.
    """
    request = pb.ExportRequest(revision=revision, kinds=[kind.name for kind in kinds])
    found: dict[tuple[str, str], Any] = {}
    head = None
    for answer in connection.stream(connection.admin.Export, request):
        head = answer.head
        for item in answer.items:
            name = item.WhichOneof("change")
            message = getattr(item, name)
            found[name, KIND_BY_NAME[name].key_of(message)] = message
        progress(len(found))
    if head is None:
        raise CallFailed("the writer sent no export", "INTERNAL")
    return RegistryRecords(found, revision or head.revision, head.epoch)


def revision_at(connection: Connection, at: dt.datetime) -> int:
    """The newest revision that was committed by an instant.

    Raises:
        CallFailed: There is none, or the writer refused or did not answer.
    """
    request = pb.ListChangesRequest(page_size=1)
    request.until.FromDatetime(at)
    answer = connection.call(connection.admin.ListChanges, request)
    if not answer.changes:
        raise CallFailed(f"nothing was committed by {at.isoformat()}", "NOT_FOUND")
    revision: int = answer.changes[0].entry.revision
    return revision


def in_scope(kinds: Collection[str], venues: Collection[str]) -> Callable[[dict[str, Any]], bool]:
    """Whether a record is of one of the kinds, and of one of the venues if any are given."""

    def wanted(record: dict[str, Any]) -> bool:
        if kinds and record["kind"] not in kinds:
            return False
        return not venues or record.get("venue_id") in venues

    return wanted
