"""`cqar audit keys`: who made each API key and who revoked it, when and why."""

from __future__ import annotations

from typing import Any

import click
from cqc.writer.v1 import api_key_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin import pagination
from cqar.admin.connection import Connection
from cqar.cli.history_pages import history_entries
from cqar.cli.output import print_json, table
from cqar.cli.target import Target, with_target


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_target
def audit_keys(target: Target, *, as_json: bool) -> None:
    """Who made each API key and who revoked it, when and why. Needs a key with role admin.

    Keys are never removed, so all that were ever made are here, oldest first.

    \b
    Example: cqar audit keys
    """
    with target.to_writer() as connection:
        listed = pagination.entities(connection, connection.admin.ListApiKeys, _REQUEST, "keys")
        told = [_key_document(connection, key) for key in listed]
    told.sort(key=lambda one: one["made"]["when"])
    if as_json:
        print_json(told)
        return
    columns = ("id", "actor", "role", "made", "by", "why", "revoked", "by", "why")
    rows = [
        (one["key_id"], one["actor"], one["role"], *_cells(one["made"]), *_cells(one["revoked"]))
        for one in told
    ]
    table(f"{len(rows)} keys", columns, rows)


_REQUEST = pb.ListApiKeysRequest()


def _key_document(connection: Connection, key: api_key_pb2.ApiKey) -> dict[str, Any]:
    """A key, and by whom it was made and revoked; None for one that is not revoked."""
    changes = list(history_entries(connection, pb.EntityRef(kind="api_key", key=key.key_id)))
    ends = (c for c in changes if any(d.field == "revoked_at" for d in c.differences))
    end = next(ends, None)
    return {
        "key_id": key.key_id,
        "actor": key.actor,
        "role": api_key_pb2.Role.Name(key.role).removeprefix("ROLE_").lower(),
        "made": _cause(changes[-1]),
        "revoked": None if end is None else _cause(end),
    }


def _cause(entry: pb.HistoryEntry) -> dict[str, str]:
    return {
        "when": entry.committed_at.ToJsonString(),
        "by": entry.actor,
        "why": entry.reason,
        "revision": f"{entry.epoch}:{entry.revision}",
    }


def _cells(cause: dict[str, str] | None) -> tuple[str, str, str]:
    return ("", "", "") if cause is None else (cause["when"], cause["by"], cause["why"])
