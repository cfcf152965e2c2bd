"""How often a host is asked, and when it is left alone; by a clock on paper."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqar.importer.fetching.addresses import BaseUrls
from cqar.importer.fetching.host_pacing import HostPacing, HostRefuses
from cqar.importer.fetching.retry_after import WAIT_S_MAX, retry_after_s
from cqar.importer.readers.product_line import Request

NOW = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        self.now_s += seconds


def test_two_requests_to_one_host_are_apart_and_other_hosts_do_not_wait() -> None:
    clock = Clock()
    pacing = HostPacing(clock.wait, clock, interval_s=0.5)
    for host in ("a.example", "b.example", "a.example"):
        with pacing.turn(host):
            pass
    assert clock.now_s == 100.5


def test_a_host_that_refuses_is_not_asked_before_its_time() -> None:
    clock = Clock()
    pacing = HostPacing(clock.wait, clock)
    pacing.refuse("a.example", 30.0)
    with pytest.raises(HostRefuses) as caught, pacing.turn("a.example"):
        pass
    assert caught.value.left_s == 30.0
    clock.now_s += 30.0
    with pacing.turn("a.example"):
        pass


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Tue, 01 Dec 2026 00:01:00 GMT", 60.0),
        ("Mon, 30 Nov 2026 00:01:00 GMT", 0.0),
        ("9" * 400, WAIT_S_MAX),
        ("Fri, 31 Dec 9999 23:59:59 GMT", WAIT_S_MAX),
        ("-5", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_nothing(
    header: str | None, seconds: float | None
) -> None:
    assert retry_after_s(header, NOW) == seconds


@given(st.text())
def test_whatever_a_venue_sends_as_retry_after_is_bounded(header: str) -> None:
    found = retry_after_s(header, NOW)
    assert found is None or 0.0 <= found <= WAIT_S_MAX


def test_a_request_goes_to_the_venue_or_to_what_stands_in_its_place() -> None:
    request = Request("api.kraken.com/0/public/AssetPairs")
    asked = {"pair": "XBT/USD"}
    assert BaseUrls().url("kraken", request, {}) == "https://api.kraken.com/0/public/AssetPairs"
    urls = BaseUrls({"kraken": "http://sim:8080/", "*": "https://proxy.example/{host}"})
    own = urls.url("kraken", request, asked)
    assert own == "http://sim:8080/0/public/AssetPairs?pair=XBT%2FUSD"
    okx = Request("www.okx.com/api/v5")
    assert urls.url("okx", okx, {}) == "https://proxy.example/www.okx.com/api/v5"
    # One venue's refusal behind a proxy is not another's.
    assert urls.paced_as("okx", okx) != urls.paced_as("other", request)
    assert BaseUrls().paced_as("okx", okx) == "www.okx.com"


@pytest.mark.parametrize(
    "base", ["", "ftp://a", "sim:8080", "http://", "http://u:p@sim", "http://sim?x=1", "http://a:x"]
)
def test_a_base_url_that_is_none_is_refused_by_its_venue(base: str) -> None:
    with pytest.raises(ValueError, match="kraken: a base URL"):
        BaseUrls({"kraken": base})
