"""The Python SDK's answers in the words of clients/behaviour/cases.json."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import closing
from decimal import Decimal
from typing import Any

import cqar
from cqar.sdk.changes import Update
from cqar_shared.domain.decimals import plain


def revision_of(text: str, head: cqar.Position) -> int:
    """`head`, `head+N` or a number."""
    before, _, number = text.rpartition("+") if "+" in text else ("", "", text)
    if text == "head":
        return head.revision
    return (head.revision if before else 0) + int(number)


def ask(client: Any, case: dict[str, Any], head: cqar.Position) -> dict[str, Any]:
    """Ask what a case asks; return the answer in the table's words."""
    at = {"as_of": dt.datetime.fromisoformat(case["as_of"])} if "as_of" in case else {}
    match case["ask"]:
        case "resolve":
            return _resolution(client.resolve(case["venue"], case["symbol"], **at))
        case "batch":
            keys = [tuple(key) for key in case["keys"]] * case.get("times", 1)
            answers = [_resolution(found) for found in client.resolve_batch(keys, **at)]
            return {"count": len(answers), "answers": answers}
        case "check":
            order = {name: case[name] for name in ("price", "quantity", "side")}
            return _check(client.check_order(case["venue"], case["symbol"], **order))
        case "watch":
            begin = {"kinds": case.get("kinds", ()), "venues": case.get("venues", ())}
            if "from" in case:
                begin |= {"from_revision": revision_of(case["from"], head), "epoch": head.epoch}
            with closing(client.watch(**begin)) as updates:
                return _update(next(updates), head)
    raise AssertionError(case["ask"])


def error_of(error: cqar.CqarError) -> dict[str, Any]:
    """An error's kind, such as NOT_FOUND, its reason and the fields that it names."""
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).upper()
    fields = [f"{violation.field} {violation.reason}" for violation in error.violations]
    return {"kind": kind, "reason": error.reason, "fields": fields}


def _resolution(found: Any) -> dict[str, Any]:
    if isinstance(found, cqar.Miss):
        return {"status": "NOT_FOUND", "reason": found.reason.code}
    specs, tradeable = found.specs, getattr(found, "tradeable", None)
    return {
        "status": str(found.status),
        "venue_symbol": found.venue_symbol,
        "alias_of": found.alias_of or "",
        "market_status": str(found.market_status),
        "symbol": found.symbol.symbol,
        "base": found.base.symbol,
        "quote": found.quote.symbol,
        "specs": specs
        and {
            "source": str(specs.source),
            "tick_size": _text(specs.tick_size),
            "lot_size": _text(specs.lot_size),
            "min_notional": _text(specs.min_notional),
            "order_unit": str(specs.order_unit or "UNSPECIFIED"),
        },
        "tradeable": None
        if tradeable is None
        else {
            "allowed": tradeable.allowed,
            "reasons": [reason.code for reason in tradeable.reasons],
            "reduce": tradeable.reduce.allowed,
            "cancel": tradeable.cancel.allowed,
        },
        "projected": found.projected,
        "state": str(found.freshness.state),
    }


def _check(checked: cqar.OrderCheck) -> dict[str, Any]:
    return {
        "allowed": checked.allowed,
        "reasons": [reason.code for reason in checked.reasons],
        "price": _text(checked.price),
        "quantity": _text(checked.quantity),
        "notional": _text(checked.notional),
        "state": str(checked.freshness.state),
    }


def _update(update: Update, head: cqar.Position) -> dict[str, Any]:
    told = update.change_set
    changes = told and [{"kind": c.kind, "deleted": c.deleted} for c in told.changes]
    revision = told.revision if told else 0
    return {
        "changes": changes,
        "revision": "head" if revision == head.revision else str(revision),
        "reason": told.reason if told else "",
        "state": str(update.freshness.state),
    }


def _text(value: Decimal | None) -> str:
    return "" if value is None else plain(value)


def differences(expected: Any, answered: Any, path: str = "answer") -> list[str]:
    """What differs: each key that is expected counts, and of a list each item."""
    if isinstance(expected, dict):
        if not isinstance(answered, dict):
            return [f"{path}: {answered!r}"]
        return [
            found
            for key, value in expected.items()
            for found in differences(value, answered.get(key), f"{path}.{key}")
        ]
    if isinstance(expected, list) and any(isinstance(item, dict) for item in expected):
        if not isinstance(answered, list) or len(answered) < len(expected):
            return [f"{path}: {answered!r}"]
        pairs = enumerate(zip(expected, answered, strict=False))
        return [
            found
            for index, (item, other) in pairs
            for found in differences(item, other, f"{path}[{index}]")
        ]
    return [] if expected == answered else [f"{path}: {answered!r}, not {expected!r}"]
