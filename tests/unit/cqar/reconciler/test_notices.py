"""What of a change of the registry is told, in which words, and signed how."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from decimal import Decimal
from typing import Any

import pytest
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.reconciler.webhooks.delivery import PAUSE_S_MAX, pause_s
from cqar.reconciler.webhooks.messages import body_of, headers_of
from cqar.reconciler.webhooks.notices import NoticeEvent, notices_of
from cqar.reconciler.webhooks.webhook_settings import WebhookSetting, problems_of
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds.finding import FINDING, FindingAction, FindingState
from cqar_shared.domain.kinds.venue_symbol import (
    VENUE_SYMBOL,
    ListingTickBand,
    MarketStatusCode,
)
from tests.support.entity_builders import NOW, a_finding, a_venue_symbol, an_id
from tests.support.memory_registry_view import changed

HOUR = dt.timedelta(hours=1)
LISTED = a_venue_symbol(
    listing_id=an_id("listing"), status=MarketStatusCode.ONLINE, tick_size=Decimal("0.1")
)
DESK = WebhookSetting(name="desk", url="https://example.com/hook", secret_file="s")


def a_change(kind: AnyKind, before: Any, after: Any, label: str = "BTCUSDT") -> pb.LoggedChange:
    def encoded(entity: Any) -> bytes:
        return entity_codec.encode(kind, entity) if entity is not None else b""

    entry = pb.HistoryEntry(
        epoch=1,
        revision=7,
        actor="boss",
        reason="why",
        before=encoded(before),
        after=encoded(after),
    )
    entry.committed_at.FromDatetime(NOW)
    ref = pb.EntityRef(kind=kind.name, key=kind.key_of(after or before))
    return pb.LoggedChange(entity=ref, venue_id="binance", label=label, entry=entry)


def told(before: Any, after: Any) -> list[tuple[str, str]]:
    found = notices_of(a_change(VENUE_SYMBOL, before, after))
    return [(notice.event.value, notice.text) for notice in found]


BANDS = (ListingTickBand(from_price=Decimal(0), tick_size=Decimal("0.5")),)


@pytest.mark.parametrize(
    ("changes", "events"),
    [
        ({}, []),
        ({"maker_fee": Decimal("0.001")}, []),
        ({"status": MarketStatusCode.HALTED}, ["HALTED binance/BTCUSDT: status ONLINE → HALTED"]),
        ({"tick_size": Decimal("0.01")}, ["TICK_CHANGED binance/BTCUSDT: tick 0.1 → 0.01"]),
        (
            {"tick_size": None, "tick_bands": BANDS},
            ["TICK_CHANGED binance/BTCUSDT: tick 0.1 → 1 bands"],
        ),
        (
            {"delisted_at": NOW + HOUR},
            [f"END_ANNOUNCED binance/BTCUSDT: ends at {NOW + HOUR:%Y-%m-%dT%H:%M:%SZ}"],
        ),
        (
            {"delisted_at": NOW},
            [f"DELISTED binance/BTCUSDT: has ended at {NOW:%Y-%m-%dT%H:%M:%SZ}"],
        ),
        (
            {"doubts": ("SOURCE_MISSING",)},
            ["DOUBTED binance/BTCUSDT: opening is denied: SOURCE_MISSING"],
        ),
    ],
)
def test_each_change_of_a_listing_is_told_as_it_is(
    changes: dict[str, Any], events: list[str]
) -> None:
    assert [" ".join(one) for one in told(LISTED, changed(LISTED, **changes))] == events


def test_a_listing_that_begins_or_takes_orders_again_is_told() -> None:
    assert told(None, LISTED) == [("LISTED", "binance/BTCUSDT: is listed")]
    halted = changed(LISTED, status=MarketStatusCode.HALTED, doubts=("SOURCE_MISSING",))
    assert [event for event, _ in told(halted, LISTED)] == ["RESUMED", "DOUBTS_LIFTED"]
    assert [event for event, _ in told(LISTED, None)] == ["VOIDED"]
    assert told(None, changed(LISTED, alias_of="XBTUSDT")) == []


def test_a_finding_is_told_when_it_waits_is_put_off_and_is_decided() -> None:
    finding = a_finding(summary="two coins")
    for before, state, event in (
        (None, FindingState.OPEN, "FINDING_OPENED"),
        (finding, FindingState.HELD, "FINDING_HELD"),
        (finding, FindingState.APPROVED, "FINDING_DECIDED"),
        (finding, FindingState.REJECTED, "FINDING_DECIDED"),
    ):
        after = changed(finding, state=state)
        (notice,) = notices_of(a_change(FINDING, before, after, "two coins"))
        assert notice.event == event
        assert notice.details["finding_id"] == finding.finding_id
    applied = changed(finding, state=FindingState.APPLIED, action=FindingAction.APPLY)
    assert list(notices_of(a_change(FINDING, None, applied))) == []
    assert list(notices_of(a_change(FINDING, finding, finding))) == []


def a_notice() -> Any:
    (notice,) = notices_of(
        a_change(VENUE_SYMBOL, LISTED, changed(LISTED, status=MarketStatusCode.HALTED), "<B&T>")
    )
    return notice


def test_the_same_thing_has_the_same_id_and_another_one_another() -> None:
    assert a_notice().event_id == a_notice().event_id == f"1:7:{an_id('listing')}:HALTED"


def test_who_knows_the_secret_can_check_who_sent_it_and_when() -> None:
    body = body_of(DESK, a_notice())
    headers = headers_of(DESK, a_notice(), body, b"secret", 1_700_000_000)
    parts = dict(part.split("=") for part in headers["CQAR-Signature"].split(","))
    expected = hmac.new(b"secret", parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert (parts["t"], parts["v1"]) == ("1700000000", expected)
    document = json.loads(body)
    assert (document["format"], document["event"], document["revision"]) == (1, "HALTED", 7)
    assert headers["CQAR-Event-Id"] == document["event_id"]


def test_slack_gets_its_form_and_nothing_that_it_would_obey() -> None:
    slack = WebhookSetting(name="s", url="https://h", form="slack", template="$event: $text!")
    document = json.loads(body_of(slack, a_notice()))
    assert document["text"] == "HALTED: binance/&lt;B&amp;T&gt;: status ONLINE → HALTED!"
    assert document["blocks"][0]["text"]["text"] == document["text"]
    assert "CQAR-Signature" not in headers_of(slack, a_notice(), b"", b"", 1)


def test_an_endpoint_wants_what_its_filters_name() -> None:
    for filters, wants in (
        ({}, True),
        ({"events": ("HALTED",)}, True),
        ({"events": ("LISTED",)}, False),
        ({"venue_ids": ("binance",)}, True),
        ({"venue_ids": ("kraken",)}, False),
    ):
        setting = WebhookSetting(name="x", url="https://h", secret_file="s", **filters)
        assert setting.wants(a_notice()) is wants


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"name": "No Slug"}, "name must be"),
        ({"url": ""}, "give url or url_file"),
        ({"url": "http://h/x"}, "has no TLS"),
        ({"url": "ftp://h/x"}, "must be https"),
        ({"url": "https://u:p@h/x"}, "holds a password"),
        ({"url": "https://[::1"}, "cannot be read"),
        ({"form": "xml"}, "is none of json, slack"),
        ({"secret_file": ""}, "secret_file is needed"),
        ({"events": ("HALTET",)}, "did you mean 'halted'"),
        ({"venue_ids": ("No",)}, "venue_ids"),
        ({"template": "$nothing"}, "template may name"),
        ({"template": "$"}, "template may name"),
    ],
)
def test_what_an_endpoint_cannot_be_is_said(given: dict[str, Any], problem: str) -> None:
    fields = {"name": "desk", "url": "https://h/x", "secret_file": "s", **given}
    (found,) = problems_of((WebhookSetting(**fields),))
    assert problem in found


def test_pauses_grow_are_bounded_and_heed_what_was_asked_for() -> None:
    assert all(0.5 * 2**n <= pause_s(n, None) <= 2**n for n in range(6))
    assert pause_s(50, None) <= PAUSE_S_MAX
    assert pause_s(0, 60.0) == 60.0
    assert pause_s(0, 1e9) == PAUSE_S_MAX
    assert len(NoticeEvent) == 12
