"""`cqar check`, `cqar group NAME`: may this order be sent, and what is in a group."""

from __future__ import annotations

import click
from cqc.resolver.v1 import resolver_pb2 as rpb

from cqar.cli.output import print_json, table
from cqar.cli.resolve import freshness_text
from cqar.cli.target import Target, with_target

SIDES = ("buy", "sell")
INTENTS = ("open", "post-only", "reduce")


@click.command()
@click.argument("venue")
@click.argument("symbol")
@click.option("--price", default="", help="Plain decimal; none: a market order.")
@click.option("--quantity", default="", help="Plain decimal, in the venue's own order units.")
@click.option("--side", type=click.Choice(SIDES), help="By which a price is rounded.")
@click.option(
    "--intent",
    type=click.Choice(INTENTS),
    default="open",
    show_default=True,
    help="What it is for: getting out is allowed where opening is not.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
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
    as_json: bool,
) -> None:
    """May an order at VENUE for SYMBOL be sent, and what is it on the venue's steps?

    A price is rounded to the passive side (default: buy), a quantity down. Exit code 1 if the
    order is not allowed.

    \b
    Example: cqar check binance BTCUSDT --price 64000.123 --quantity 0.00012345
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
    )
    with target.to_resolver() as connection:
        found = connection.call(connection.resolver.CheckOrder, request)
    if as_json:
        print_json(found)
    else:
        rows = [
            ("allowed", "yes" if found.allowed else "no"),
            *(("  because", f"{r.code} {r.message}") for r in found.reasons),
            ("price", found.price),
            ("quantity", found.quantity),
            ("notional", found.notional),
            ("freshness", freshness_text(found.freshness)),
        ]
        table(f"{intent} {venue} {symbol}", ("", ""), [row for row in rows if row[1]])
    if not found.allowed:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_target
def expand_group(target: Target, name: str, *, as_json: bool) -> None:
    """What is in the group NAME: its assets, exact weights and active flags.

    \b
    Example: cqar group all-eth
    """
    with target.to_resolver() as connection:
        request = rpb.ExpandGroupRequest(name=name)
        found = connection.call(connection.resolver.ExpandGroup, request)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            member.asset.symbol,
            member.asset.name,
            member.weight,
            ", ".join(flag.reason for flag in member.active_flags),
            member.asset.asset_id,
        )
        for member in found.members
    ]
    title = f"{found.name}: {len(rows)} assets ({freshness_text(found.freshness)})"
    table(title, ("symbol", "name", "weight", "flags", "id"), rows)
