"""An entity's history, page by page, as the writer tells it."""

from __future__ import annotations

from collections.abc import Iterator

from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin.connection import Connection


def history_entries(connection: Connection, ref: pb.EntityRef) -> Iterator[pb.HistoryEntry]:
    """Its changes, newest first.

    Raises:
        CallFailed: It never was, or the key may not know.
    """
    token = ""
    while True:
        request = pb.HistoryRequest(entity=ref, page_token=token)
        answer = connection.call(connection.admin.History, request)
        yield from answer.entries
        token = answer.next_page_token
        if not token:
            return
