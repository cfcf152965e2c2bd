"""A checker for each kind of claim: what is wrong with it, or nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from itertools import combinations
from typing import Any, Final

import grpc
from cqc.resolver.v1 import resolver_pb2

import cqar
from cqar.sdk import decoding
from cqar.sdk.errors import CqarError
from cqar_shared.domain.kinds.api_key import Role
from tests.cases.answer_fields import field_of, is_one_of
from tests.cases.case_files import kind_of
from tests.cases.finding_claims import change_faults, finding_faults, no_finding_faults
from tests.cases.story import Story, admin_pb, pb, rpb

Claim = dict[str, Any]
#: Yields what is wrong.
Faults = AsyncIterator[str]

#: What a case says that a refused order's reason is about -> codes that say so.
_ABOUT: Final = {
    "market_max_size": {"QUANTITY_ABOVE_MAXIMUM"},
    "max_notional": {"NOTIONAL_ABOVE_MAXIMUM"},
    "min_notional": {"NOTIONAL_BELOW_MINIMUM"},
    "price_band": {"PRICE_OUTSIDE_BAND"},
    "order_types": {"ORDER_TYPE_NOT_ALLOWED"},
}


async def faults(story: Story, claim: Claim) -> list[str]:
    """What is wrong with a claim; nothing, if it holds."""
    return [fault async for fault in CHECKS[kind_of(claim)](story, claim)]


def _at(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


def _status(found: resolver_pb2.Resolution) -> str:
    name: str = pb.ResolutionStatus.Name(found.status)
    return name.removeprefix("RESOLUTION_STATUS_")


async def _resolve(story: Story, claim: Claim) -> Faults:
    venue_id, spelling = claim["resolve"]
    found = await story.resolve(venue_id, spelling, _at(claim.get("as_of")))
    status = _status(found)
    allowed = claim.get("resolution", ["FOUND", "DELISTED"])
    if status not in allowed:
        yield f"is {status}, not {' or '.join(allowed)}"
    if status == "NOT_FOUND":
        # Nothing of it can be opened, whatever it would be.
        if claim.get("open_allowed") and "NOT_FOUND" in allowed:
            yield "may not be opened"
        return
    for name, wanted in claim.get("is", {}).items():
        value = field_of(found, name)
        if not is_one_of(name, value, wanted):
            yield f"{name} is {_shown(value)}, not {_shown(wanted)}"
    for name, unwanted in claim.get("is_not", {}).items():
        value = field_of(found, name)
        if is_one_of(name, value, unwanted):
            yield f"{name} is {_shown(value)}"
    for fault in _verdict_faults(found.tradeable, claim):
        yield fault


def _verdict_faults(tradeable: resolver_pb2.Tradeable, claim: Claim) -> list[str]:
    codes = [reason.code for reason in tradeable.open.reasons]
    said = f"(reasons: {', '.join(codes) or 'none'})"
    found = []
    if claim.get("open_allowed", tradeable.open.allowed) != tradeable.open.allowed:
        found.append(f"open is {'allowed' if tradeable.open.allowed else 'denied'} {said}")
    if not set(claim.get("reasons", ())) <= set(codes):
        found.append(f"it is not denied for {', '.join(claim['reasons'])} {said}")
    if "reasons_any" in claim and not set(claim["reasons_any"]) & set(codes):
        found.append(f"it is denied for none of {', '.join(claim['reasons_any'])} {said}")
    until = tradeable.until.ToDatetime(dt.UTC) if tradeable.HasField("until") else None
    if "until" in claim and until != _at(claim["until"]):
        found.append(f"until is {_shown(until)}, not {claim['until']}")
    return found


def _shown(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.datetime) else repr(value)


async def _meant(story: Story, entry: list[Any]) -> resolver_pb2.Resolution | None:
    """What a spelling means or meant; None if nothing."""
    venue_id, spelling, as_of = entry
    found = await story.resolve(venue_id, spelling, _at(as_of))
    return found if _status(found) in ("FOUND", "DELISTED") else None


async def _asset_of(story: Story, entry: list[Any], leg: str) -> str | None:
    if entry[0] == "registry":
        return story.assets[entry[1]]
    if entry[0] == "code":
        code = pb.VenueAssetCode(venue_id=entry[1], code=entry[2])
        found = await _asset(story, venue_code=code)
        return found.asset.asset_id if found else None
    meant = await _meant(story, entry)
    if meant is None:
        return None
    asset_id: str = getattr(meant, f"{leg}_asset").asset_id
    return asset_id or None


async def _asset(story: Story, **by: Any) -> resolver_pb2.ResolveAssetResponse | None:
    try:
        request = pb.ResolveAssetRequest(**by)
        found: resolver_pb2.ResolveAssetResponse = await story.ask(
            story.resolver.ResolveAsset, request
        )
    except grpc.aio.AioRpcError as error:
        # An address that cannot be one is no contract's.
        if error.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT):
            return None
        raise
    return found


async def _same_asset(story: Story, claim: Claim) -> Faults:
    leg = claim.get("leg", "base")
    ids = [await _asset_of(story, entry, leg) for entry in claim["of"]]
    for fault in _sameness_faults(ids, claim["of"], wanted=claim["same_asset"]):
        yield fault


async def _same_symbol(story: Story, claim: Claim) -> Faults:
    found = [await _meant(story, entry) for entry in claim["of"]]
    ids = [one.symbol.symbol_id if one is not None else None for one in found]
    for fault in _sameness_faults(ids, claim["of"], wanted=claim["same_symbol"]):
        yield fault


def _sameness_faults(ids: list[str | None], of: list[Any], *, wanted: bool) -> list[str]:
    if wanted:
        if None in ids:
            return [f"{of[ids.index(None)]} means nothing"]
        return [] if len(set(ids)) == 1 else ["they are not the same"]
    pairs = combinations(zip(ids, of, strict=True), 2)
    return [f"{a} is {b}" for (one, a), (other, b) in pairs if one is not None and one == other]


async def _outcome(story: Story, claim: Claim) -> Faults:
    wanted = claim["outcome"]
    reading, plan = story.imported[wanted["venue"]]
    rejected = {record.spelling for record in plan.rejected}
    refused = [market for market in reading.markets if market.spelling in rejected]
    got = {name.lower(): count for name, count in reading.outcomes.items()}
    for name, key in (("market", "markets"), ("unsupported",) * 2, ("unreadable",) * 2):
        if got[name] != wanted[key]:
            yield f"{key} are {got[name]}, not {wanted[key]}"
    if refused:
        yield f"the plan rejects {', '.join(str(r) for r in plan.rejected)}"
    if reading.records != sum(got.values()):
        yield f"{reading.records} records have {sum(got.values())} outcomes"


async def _upcoming(story: Story, claim: Claim) -> Faults:
    request = admin_pb.ListUpcomingRequest()
    answer = await story.writer.call(story.writer.admin.ListUpcoming, request, Role.READ)
    got = {
        (one.venue_id, one.venue_symbol, one.effective_at.ToDatetime(dt.UTC)): {
            change.field: change.value for change in one.changes
        }
        for one in answer.upcoming
    }
    wanted = {
        (one["venue"], one["spelling"], _at(one["effective_at"])): one["changes"]
        for one in claim["upcoming"]
    }
    if got != wanted:
        yield f"they are {got}"


async def _base_quantity(story: Story, claim: Claim) -> Faults:
    asked = claim["base_quantity"]
    found = await story.resolve(asked["venue"], asked["spelling"])
    if _status(found) != "FOUND":
        yield f"is {_status(found)}"
        return
    price = asked.get("price")
    try:
        got = decoding.specs(found.specs).to_base_quantity(asked["quantity"], price)
    except (CqarError, ValueError) as error:
        yield f"cannot be told: {error}"
        return
    if got != Decimal(asked["is"]):
        yield f"is {got}, not {asked['is']}"


async def _check_order(story: Story, claim: Claim) -> Faults:
    asked = claim["check_order"]
    request = pb.CheckOrderRequest(
        venue_id=asked["venue"],
        venue_symbol=asked["spelling"],
        order_kind=pb.OrderKind.Value(f"ORDER_KIND_{asked['kind']}"),
        side=pb.OrderSide.Value(f"ORDER_SIDE_{asked['side']}"),
        price=asked.get("price", ""),
        quantity=asked["quantity"],
        reference_price=asked.get("reference_price", ""),
    )
    answer = await story.ask(story.resolver.CheckOrder, request)
    codes = {reason.code for reason in answer.reasons}
    if answer.allowed != asked["allowed"]:
        yield f"it is {'allowed' if answer.allowed else 'denied'} (reasons: {sorted(codes)})"
    about = asked.get("reason_about")
    if about and not codes & _ABOUT[about]:
        yield f"no reason is about {about}: {sorted(codes)}"
    if "price_is" in asked and Decimal(answer.price or 0) != Decimal(asked["price_is"]):
        yield f"the price on the grid is {answer.price}, not {asked['price_is']}"


async def _spelling(story: Story, claim: Claim) -> Faults:
    asked = claim["spelling"]
    found = await story.resolve(asked["venue"], asked["of"])
    request = pb.FindVenueSymbolsRequest(
        symbol_id=found.symbol.symbol_id, venue_ids=[asked["venue"]]
    )
    answer = await story.ask(story.resolver.FindVenueSymbols, request)
    got = [
        one.venue_symbol
        for one in answer.venue_symbols
        if asked["of"] in (one.alias_of, one.venue_symbol) and asked["channel"] in one.channels
    ]
    if got != [asked["is"]]:
        yield f"it is spelled {got}"


async def _relationship(story: Story, claim: Claim) -> Faults:
    asked = claim["relationship"]
    ends = [await _asset_of(story, asked[name], "base") for name in ("from", "to")]
    request = rpb.ListAssetRelationshipsRequest(asset_id=ends[0] or "")
    answer = await story.ask(story.registry.ListAssetRelationships, request)
    rates = [
        Decimal(one.conversion_rate)
        for one in answer.relationships
        if [one.from_asset_id, one.to_asset_id] == ends and one.conversion_rate
    ]
    if Decimal(asked["rate"]) not in rates:
        yield f"their rates are {rates}"


async def _convert(story: Story, claim: Claim) -> Faults:
    asked = claim["convert"]
    position = story.assets[asked["from"]], asked["quantity"]
    at = dt.datetime.fromisoformat(asked["at"])
    async with cqar.AsyncClient(story.target) as client:
        converted = await client.convert(position, story.assets[asked["to"]], at)
    if converted.quantity != Decimal(asked["is"]):
        yield f"is {converted.quantity}, not {asked['is']}"


async def _deployment(story: Story, claim: Claim) -> Faults:
    asked = claim["deployment"]
    contract = pb.ContractAddress(chain_id=asked["chain"], address=asked["address"])
    found = await _asset(story, contract=contract)
    if found is None:
        yield "is not there"
        return
    (own,) = [d for d in found.deployments if d.address.lower() == asked["address"].lower()]
    if own.decimals != int(asked.get("decimals", own.decimals)):
        yield f"its decimals are {own.decimals}"
    if asked.get("quarantined", bool(own.doubts)) != bool(own.doubts):
        yield f"its doubts are {', '.join(own.doubts) or 'none'}"
    if "asset" in asked and found.asset.asset_id != story.assets[asked["asset"]]:
        yield f"it is of {found.asset.name}"


async def _no_deployment(story: Story, claim: Claim) -> Faults:
    chains = await story.ask(story.registry.ListChains, rpb.ListChainsRequest())
    for chain_id, address in claim["no_deployment"]:
        for chain in [c.chain_id for c in chains.chains] if chain_id == "*" else [chain_id]:
            contract = pb.ContractAddress(chain_id=chain, address=address)
            if await _asset(story, contract=contract) is not None:
                yield f"{address} is on {chain}"


CHECKS: Final[dict[str, Callable[[Story, Claim], Faults]]] = {
    "resolve": _resolve,
    "finding": finding_faults,
    "no_finding": no_finding_faults,
    "change": change_faults,
    "same_asset": _same_asset,
    "same_symbol": _same_symbol,
    "outcome": _outcome,
    "upcoming": _upcoming,
    "base_quantity": _base_quantity,
    "check_order": _check_order,
    "spelling": _spelling,
    "relationship": _relationship,
    "convert": _convert,
    "deployment": _deployment,
    "no_deployment": _no_deployment,
}
