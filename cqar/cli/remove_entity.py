"""`cqar venue rm` and `cqar chain rm`: remove what nothing refers to."""

from __future__ import annotations

from typing import Any

import click
from cqc.services.v1 import asset_registry_pb2 as registry_pb
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin.connection import CallFailed, Connection
from cqar.cli import completion_names
from cqar.cli.change_flow import (
    ChangeOptions,
    change_options,
    report,
    require_answer,
    show_ask_apply,
)
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.output import say
from cqar.cli.target import Target, with_target


@click.command("rm", cls=GroupedCommand)
@click.argument("venue", shell_complete=completion_names.venues)
@change_options
@with_target
def venue_rm(target: Target, venue: str, *, how: ChangeOptions) -> None:
    """Remove a venue that nothing refers to; its history stays.

    A venue that has, or had, listings is not removed: `cqar venue set VENUE --no-active` stops it.

    \b
    Example:
      cqar venue rm okx-demo --reason "added by mistake" --yes
    """
    _remove(target, "venue", venue, how)


@click.command("rm", cls=GroupedCommand)
@click.argument("chain", shell_complete=completion_names.chains)
@change_options
@with_target
def chain_rm(target: Target, chain: str, *, how: ChangeOptions) -> None:
    """Remove a chain that nothing refers to; its history stays.

    \b
    Example:
      cqar chain rm goerli --reason "it was shut down" --yes
    """
    _remove(target, "chain", chain, how)


def _remove(target: Target, kind: str, key: str, how: ChangeOptions) -> None:
    """Remove an entity by a tombstone.

    Raises:
        CallFailed: No entity has the key, or something refers to it.
    """
    require_answer(how)
    with target.to_writer() as connection:
        name = _name(connection, kind, key)

        def attempt(*, dry_run: bool) -> Any:
            item = pb.ApplyItem(tombstone=pb.EntityRef(kind=kind, key=key))
            request = pb.ApplyRequest(items=[item], dry_run=dry_run)
            try:
                return connection.apply(request, how.reason, kind)
            except CallFailed as error:
                if error.reason == "IN_USE":
                    advice = "remove what uses it first, or see what does: cqar search"
                    raise error.reworded(f"{error}\n{advice} {key}") from error
                raise

        def show(_: Any) -> None:
            say(f"{kind} {key} ({name}): nothing refers to it.")

        question = f"{kind} {key} will be removed. Continue?"
        response = show_ask_apply(how, attempt, show, question)
    report(how, response, f"removed {kind} {key}, revision {response.revision}.")


def _name(connection: Connection, kind: str, key: str) -> str:
    """The entity's name. Raises CallFailed if there is no such entity."""
    if kind == "venue":
        venue_request = registry_pb.GetVenueRequest(venue_id=key)
        found = connection.call(connection.registry.GetVenue, venue_request)
        return str(found.venue.name)
    chain_request = registry_pb.GetChainRequest(chain_id=key)
    found = connection.call(connection.registry.GetChain, chain_request)
    return str(found.chain.chain_name)
