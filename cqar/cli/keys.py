"""`cqar keys`: make, list and revoke API keys. Needs a key with role admin."""

from __future__ import annotations

import datetime as dt
from typing import Any

import click
from cqc.writer.v1 import api_key_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin import pagination
from cqar.admin.connection import CallFailed, Connection
from cqar.cli.grouped_help import GroupedGroup
from cqar.cli.list_output import ListOptions, ListView, OutputRow, list_options, show_list
from cqar.cli.output import out, print_json, say, to_stderr
from cqar.cli.param_types import InstantParam
from cqar.cli.target import Target, with_target
from cqar_shared.trust.key_text import fresh_key, hash_of

ROLES = [name.removeprefix("ROLE_").lower() for name in api_key_pb2.Role.keys()[1:]]


@click.group(cls=GroupedGroup)
def keys() -> None:
    """API keys. The registry stores only hashes, so a key is printed once, when it is made.

    A revoked key is refused within 5 seconds, by the writers and by every resolver.

    \b
    Example: cqar keys make portfolio --role read
    """


@keys.command()
@click.argument("actor")
@click.option(
    "--role", type=click.Choice(ROLES), required=True, help="Each role includes those before it."
)
@click.option(
    "--expires", type=InstantParam(), help="Time at which the key expires; default: never."
)
@click.option("--reason", default="", help="Reason for the audit log.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_target
def make(
    target: Target,
    actor: str,
    role: str,
    expires: dt.datetime | None,
    reason: str,
    *,
    as_json: bool,
) -> None:
    """Make a key and print it; ACTOR is the name that the audit log will show.

    A name that looks like an existing one is refused, and so are the services' own names, cqar and
    cqar-….

    \b
    Examples:
      cqar keys make portfolio --role read --expires 2027-12-31
      CQAR_KEY=$(cqar keys make ops --role write) cqar venue set okx --no-active
    """
    secret = fresh_key()
    key = api_key_pb2.ApiKey(
        key_hash=hash_of(secret), actor=actor, role=api_key_pb2.Role.Value(f"ROLE_{role.upper()}")
    )
    if expires is not None:
        key.expires_at.FromDatetime(expires)
    with target.to_writer() as connection:
        key_id = _apply(connection, key, reason)
    if as_json:
        print_json({"key_id": key_id, "key": secret})
        return
    out.file.write(secret + "\n")
    to_stderr(f"{key_id}: the key is shown only this once.")


@keys.command("list")
@list_options
@with_target
def list_(target: Target, *, listing: ListOptions) -> None:
    """List every key that was ever made: its actor, its role, its state.

    \b
    Example: cqar keys list
    """
    with target.to_writer() as connection:
        listed = _all_keys(connection)
    now = dt.datetime.now(dt.UTC)
    rows = [
        OutputRow(
            (
                key.key_id,
                key.actor,
                api_key_pb2.Role.Name(key.role).removeprefix("ROLE_").lower(),
                _state(key, now),
                key.created_at.ToJsonString(),
            ),
            key,
        )
        for key in sorted(listed, key=lambda key: key.actor)
    ]
    columns = ("id", "actor", "role", "state", "made")
    show_list(ListView(f"{len(rows)} keys", columns, rows, ("id",), "no keys."), listing)


@keys.command()
@click.argument("key_id")
@click.option("--reason", default="", help="Reason for the audit log.")
@with_target
def revoke(target: Target, key_id: str, reason: str) -> None:
    """Revoke the key KEY_ID for good. `cqar keys list` shows the ids.

    \b
    Example: cqar keys revoke 3f1c9a52-7d0e-4a55-9c0a-2f4b7b9e6d11 --reason "left the team"
    """
    with target.to_writer() as connection:
        key = next((key for key in _all_keys(connection) if key.key_id == key_id), None)
        if key is None:
            raise CallFailed(f"no key {key_id!r}: see cqar keys list", "NOT_FOUND")
        if key.HasField("revoked_at"):
            say(f"{key.actor}'s key was already revoked.")
            return
        key.revoked_at.FromDatetime(dt.datetime.now(dt.UTC))
        _apply(connection, key, reason)
    say(f"{key.actor}'s key is revoked.")


def _apply(connection: Connection, key: api_key_pb2.ApiKey, reason: str) -> str:
    """Upsert a key and return its id. Raises CallFailed like `Connection.apply`."""
    request = pb.ApplyRequest(items=[pb.ApplyItem(api_key=key)])
    (outcome,) = connection.apply(request, reason, "key").outcomes
    return str(outcome.entity.key)


def _all_keys(connection: Connection) -> list[Any]:
    method = connection.admin.ListApiKeys
    return list(pagination.entities(connection, method, pb.ListApiKeysRequest(), "keys"))


def _state(key: Any, now: dt.datetime) -> str:
    if key.HasField("revoked_at"):
        return "revoked"
    if not key.HasField("expires_at"):
        return "valid"
    expires = key.expires_at.ToDatetime(dt.UTC)
    return "expired" if expires <= now else f"valid until {expires:%Y-%m-%d %H:%M} UTC"
