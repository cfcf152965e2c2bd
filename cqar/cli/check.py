"""`cqar check`: checks an order; `cqar group NAME`: shows a group's members."""

from __future__ import annotations

import click
from cqc.resolver.v1 import resolver_pb2 as rpb

from cqar.cli import completion_names
from cqar.cli.exit_codes import REFUSED
from cqar.cli.grouped_help import GroupedCommand
from cqar.cli.json_entities import plain_fields
from cqar.cli.list_output import ListOptions, ListView, OutputRow, list_options, show_list
from cqar.cli.output import print_json, table
from cqar.cli.status import freshness_text
from cqar.cli.target import Target, with_target

SIDES = ("buy", "sell")
INTENTS = ("open", "post-only", "reduce")
KINDS = ("limit", "market")


@click.command(cls=GroupedCommand)
@click.argument("venue", shell_complete=completion_names.venues)
@click.argument("symbol", shell_complete=completion_names.spellings)
@click.option("--price", default="", help="Plain decimal; omit it for a market order.")
@click.option("--quantity", default="", help="Plain decimal, in the venue's order units.")
@click.option(
    "--side", type=click.Choice(SIDES), help="Side of the order; default with a price: buy."
)
@click.option(
    "--intent",
    type=click.Choice(INTENTS),
    default="open",
    show_default=True,
    help="Purpose of the order; reducing may be allowed where opening is not.",
)
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    help="Kind of the order; default: limit with a price, else market.",
)
@click.option(
    "--reference-price",
    default="",
    help="Plain decimal, such as the mark price: price bands are relative to it, and a market order"
    " is valued at it; default: neither is judged.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_target
def check(
    target: Target,
    venue: str,
    symbol: str,
    *,
    price: str,
    quantity: str,
    side: str | None,
    intent: str,
    kind: str | None,
    reference_price: str,
    as_json: bool,
) -> None:
    """Check an order for SYMBOL at VENUE and round it to the venue's tick and lot.

    The price is rounded to the passive side, the quantity down. The exit code is 1 if the order is
    not allowed.

    \b
    Examples:
      cqar check binance BTCUSDT --price 64000.123 --quantity 0.00012345
      cqar check binance BTCUSDT --kind market --quantity 3 --reference-price 64000
    """
    if price and side is None:
        side = "buy"
    request = rpb.CheckOrderRequest(
        venue_id=venue,
        venue_symbol=symbol,
        price=price,
        quantity=quantity,
        side=rpb.OrderSide.Value(f"ORDER_SIDE_{(side or 'unspecified').upper()}"),
        intent=rpb.OrderIntent.Value(f"ORDER_INTENT_{intent.replace('-', '_').upper()}"),
        order_kind=rpb.OrderKind.Value(f"ORDER_KIND_{(kind or 'unspecified').upper()}"),
        reference_price=reference_price,
    )
    with target.to_resolver() as connection:
        checked = connection.call(connection.resolver.CheckOrder, request)
    if as_json:
        print_json(checked)
    else:
        rows = [
            ("allowed", "yes" if checked.allowed else "no"),
            *(("  because", f"{r.code} {r.message}") for r in checked.reasons),
            ("price", checked.price),
            ("quantity", checked.quantity),
            ("notional", checked.notional),
            ("terms of group", checked.canary_group),
            ("freshness", freshness_text(checked.freshness)),
        ]
        table(f"{intent} {venue} {symbol}", ("", ""), [row for row in rows if row[1]])
    if not checked.allowed:
        raise click.exceptions.Exit(REFUSED)


@click.command(cls=GroupedCommand)
@click.argument("name", shell_complete=completion_names.groups)
@list_options
@with_target
def expand_group(target: Target, name: str, *, listing: ListOptions) -> None:
    """Show the members of the group NAME, with exact weights and active flags.

    \b
    Example: cqar group all-eth
    """
    with target.to_resolver() as connection:
        request = rpb.ExpandGroupRequest(name=name)
        group = connection.call(connection.resolver.ExpandGroup, request)
    rows = [
        OutputRow(
            (
                member.asset.symbol,
                member.asset.name,
                member.weight,
                ", ".join(flag.reason for flag in member.active_flags),
                member.asset.asset_id,
            ),
            member,
        )
        for member in group.members
    ]
    title = f"{group.name}: {len(rows)} assets ({freshness_text(group.freshness)})"
    columns = ("symbol", "name", "weight", "flags", "id")
    whole = plain_fields(group)
    show_list(ListView(title, columns, rows, ("id",), "it has no members.", whole), listing)
