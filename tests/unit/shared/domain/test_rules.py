"""What each kind accepts and refuses: assets, chains, relationships, venues, keys."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from cqar_shared.domain import rules
from cqar_shared.domain.kinds.asset_relationship import ACYCLIC, RelationshipType
from cqar_shared.domain.kinds.venue import VenueType
from tests.support.entity_builders import (
    BTC,
    ETH,
    NOW,
    USD,
    USDT,
    a_chain,
    a_relationship,
    a_venue,
    an_asset,
    an_id,
)
from tests.support.memory_registry_view import Held, changed, findings

LATER = NOW + dt.timedelta(days=30)
EARLIER = NOW - dt.timedelta(days=30)
NOT_UUIDS = ("", "btc", BTC.upper(), BTC.replace("-", ""), f"{{{BTC}}}", BTC + "0")

# ---------------------------------------------------------------- asset


def test_an_asset_needs_a_uuid_a_ticker_a_name_and_a_type() -> None:
    assert findings(an_asset()) == set()
    assert findings(an_asset(asset_id="x", symbol="", name="", asset_type=None)) == {
        ("asset_id", "NOT_A_UUID"),
        ("symbol", "REQUIRED"),
        ("name", "REQUIRED"),
        ("asset_type", "REQUIRED"),
    }


@pytest.mark.parametrize("text", NOT_UUIDS)
def test_only_the_canonical_form_is_a_uuid(text: str) -> None:
    assert findings(an_asset(asset_id=text)) == {("asset_id", "NOT_A_UUID")}


def test_only_an_unverified_asset_may_lack_a_type_and_a_verified_one_stays_so() -> None:
    found = an_asset(asset_type=None, unverified=True)
    assert findings(found) == set()
    assert findings(an_asset(), before=found) == set()
    assert findings(found, before=an_asset()) == {("unverified", "VERIFIED")}


def test_an_assets_texts_and_urls_are_bounded() -> None:
    good = {"name": "n" * 256, "category": "c" * 64, "description": "d" * 4096}
    assert findings(an_asset(**good, logo_url="https://x.y/z.png")) == set()
    bad = {field: value + "!" for field, value in good.items()}
    assert findings(an_asset(**bad, logo_url="ftp://x.y", website_url="x")) == {
        *((field, "TOO_LONG") for field in good),
        ("logo_url", "NOT_A_URL"),
        ("website_url", "NOT_A_URL"),
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *(("B" * 129, "TOO_LONG"), (" B", "WHITE_SPACE"), ("B\n", "WHITE_SPACE")),
        *(("B\tC", "NOT_PRINTABLE"), ("B\u202eC", "NOT_PRINTABLE")),
    ],
)
def test_a_ticker_is_printable_and_of_at_most_128_characters(text: str, reason: str) -> None:
    assert findings(an_asset(text, name="B")) == {("symbol", reason)}
    assert findings(an_asset("B" * 128, name="B")) == set()


def test_names_stand_in_one_line() -> None:
    for good in ("Bitcoin Cash", "币安人生", "👨\u200d👩\u200d👧"):
        assert findings(an_asset(name=good)) == set()
        assert findings(a_chain(chain_name=good)) == set()
        assert findings(a_venue(name=good)) == set()
    two_lines = "Bit\ncoin"
    assert findings(an_asset(name=two_lines)) == {("name", "NOT_PRINTABLE")}
    assert findings(a_venue(name=two_lines)) == {("name", "NOT_PRINTABLE")}
    assert findings(a_chain(chain_name=two_lines, chain_type=two_lines)) == {
        ("chain_name", "NOT_PRINTABLE"),
        ("chain_type", "NOT_PRINTABLE"),
    }


@pytest.mark.parametrize("blank", ["", "   ", "\u3000", "\u200d", " \u200b\t"])
def test_a_blank_name_is_none(blank: str) -> None:
    assert findings(an_asset(name=blank)) == {("name", "REQUIRED")}
    assert findings(a_venue(name=blank)) == {("name", "REQUIRED")}
    assert findings(a_chain(chain_name=blank)) == {("chain_name", "REQUIRED")}


def test_a_name_may_have_white_space_around_it_as_those_of_real_lists_have() -> None:
    assert findings(an_asset(name=" Bitcoin ")) == set()
    assert findings(a_venue(name=" Kraken ")) == set()


def test_a_chains_type_has_no_white_space_around_it() -> None:
    """It says which rules addresses follow; of an unknown type they are not checked."""
    assert findings(a_chain(chain_type="EVM ")) == {("chain_type", "WHITE_SPACE")}


@pytest.mark.parametrize(
    "joined",
    [
        *("👨\u200d👩\u200d👧", "👩🏽\u200d🚀", "🏳️\u200d🌈", "🙂\u200d↔️"),
        *("می\u200cخواهم", "क\u094d\u200dष", "BTC/👨\u200d👩"),
    ],
)
def test_a_joiner_stands_between_what_it_joins(joined: str) -> None:
    assert findings(an_asset(joined)) == set()


@pytest.mark.parametrize("joiner", ["\u200c", "\u200d"])
@pytest.mark.parametrize(
    "twin",
    [
        *("{}", "{}BTC", "BTC{}", "BTC{}USDT", "BTC{}👨", "👨{}BTC", "BTC/{}-", "币{}安", "В{}Т"),
        *("👨{}", "{}👨", "👨{}{}👩", "👨{}م", "é{}é"),
    ],
)
def test_a_joiner_that_joins_nothing_makes_no_twin(twin: str, joiner: str) -> None:
    text = twin.replace("{}", joiner)
    assert findings(an_asset(text, name="B")) == {("symbol", "NOT_PRINTABLE")}
    if text != joiner:
        assert findings(an_asset(name=text)) == {("name", "NOT_PRINTABLE")}


# ---------------------------------------------------------------- chain


@pytest.mark.parametrize("slug", ["ethereum", "a", "0x", "bnb-smart-chain", "a" * 64])
def test_a_slug_is_a_chains_id(slug: str) -> None:
    assert findings(a_chain(chain_id=slug)) == set()


@pytest.mark.parametrize(
    "text", ["", "Ethereum", "-a", "a-", "a_b", "a b", "a/b", "a" * 65, "é", "a\n", "\uff11"]
)
def test_what_is_no_slug_is_refused(text: str) -> None:
    assert findings(a_chain(chain_id=text)) == {("chain_id", "NOT_A_SLUG")}


@pytest.mark.parametrize("number", [0, 1, 2**31, 11_155_111, 2**63 - 1])
def test_a_networks_number_may_exceed_31_bits(number: int) -> None:
    assert findings(a_chain(network_id=number)) == set()


def test_a_chain_needs_a_name_and_a_type_and_no_negative_number() -> None:
    assert findings(a_chain(chain_name="", chain_type="", network_id=-1)) == {
        ("chain_name", "REQUIRED"),
        ("chain_type", "REQUIRED"),
        ("network_id", "NEGATIVE"),
    }
    assert findings(a_chain(chain_name="n" * 257, chain_type="t" * 33)) == {
        ("chain_name", "TOO_LONG"),
        ("chain_type", "TOO_LONG"),
    }


@pytest.mark.parametrize("url", ["https://rpc.x/y?k=1", "http://[::1]:8545", "wss://rpc.x"])
def test_an_rpc_url_may_be_http_or_web_socket(url: str) -> None:
    assert findings(a_chain(rpc_urls=(url,))) == set()


@pytest.mark.parametrize(
    "url",
    [
        *("", "x", "ftp://x.y", "https://", "https:///path", "javascript:alert(1)"),
        *("https://a b", "https://[::1", "https://x.y/\n", "https://x.y/" + "a" * 2048),
    ],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    assert findings(a_chain(rpc_urls=(url,))) == {("rpc_urls", "NOT_A_URL")}


def test_a_chain_has_at_most_32_rpc_urls() -> None:
    urls = tuple(f"https://rpc{number}.x" for number in range(33))
    assert findings(a_chain(rpc_urls=urls[:32])) == set()
    assert findings(a_chain(rpc_urls=urls)) == {("rpc_urls", "TOO_MANY")}


def test_a_chains_explorer_is_a_web_page() -> None:
    assert findings(a_chain(explorer_url="https://etherscan.io")) == set()
    assert findings(a_chain(explorer_url="wss://x.y")) == {("explorer_url", "NOT_A_URL")}


def test_a_chains_type_is_for_ever() -> None:
    assert findings(a_chain(chain_name="E"), before=a_chain()) == set()
    before = a_chain(chain_type="SOLANA")
    assert findings(a_chain(), before=before) == {("chain_type", "IMMUTABLE")}


# ---------------------------------------------------------------- relationship


def test_a_relationship_needs_two_assets_and_a_type() -> None:
    assert findings(a_relationship(ETH, BTC, conversion_rate=None)) == set()
    assert findings(a_relationship("", "", relationship_type=None)) == {
        ("from_asset_id", "REQUIRED"),
        ("to_asset_id", "REQUIRED"),
        ("relationship_type", "REQUIRED"),
    }
    assert findings(a_relationship(ETH, BTC, relationship_id="x")) == {
        ("relationship_id", "NOT_A_UUID")
    }


def test_a_relationships_texts_are_bounded() -> None:
    good = {"protocol": "p" * 128, "description": "d" * 4096}
    assert findings(a_relationship(ETH, BTC, **good)) == set()
    bad = {field: value + "!" for field, value in good.items()}
    assert findings(a_relationship(ETH, BTC, **bad)) == {(field, "TOO_LONG") for field in good}


@pytest.mark.parametrize("rate", ["0", "-1"])
def test_a_conversion_rate_is_positive(rate: str) -> None:
    bad = a_relationship(ETH, BTC, conversion_rate=Decimal(rate))
    assert findings(bad) == {("conversion_rate", "NOT_POSITIVE")}
    assert findings(a_relationship(ETH, BTC, conversion_rate=Decimal("1.1"))) == set()


@pytest.mark.parametrize("kind", RelationshipType)
def test_no_asset_relates_to_itself_or_twice_in_one_way(kind: RelationshipType) -> None:
    itself = a_relationship(ETH, ETH, relationship_type=kind)
    assert findings(itself) == {("to_asset_id", "SELF_REFERENCE")}
    one = a_relationship(ETH, BTC, relationship_type=kind)
    twin = changed(one, relationship_id=an_id("twin"))
    assert ("to_asset_id", "DUPLICATE") in findings(twin, Held(one))


def test_a_relationships_ends_and_type_are_for_ever() -> None:
    before = a_relationship(ETH, BTC)
    assert findings(changed(before, protocol="lido"), Held(before), before) == set()
    after = changed(
        before,
        from_asset_id=USDT,
        to_asset_id=USD,
        relationship_type=RelationshipType.STAKES,
    )
    assert findings(after, Held(before), before) == {
        ("from_asset_id", "IMMUTABLE"),
        ("to_asset_id", "IMMUTABLE"),
        ("relationship_type", "IMMUTABLE"),
    }


@pytest.mark.parametrize("first", RelationshipType)
@pytest.mark.parametrize("second", RelationshipType)
def test_a_circle_is_refused_only_within_types_that_make_an_order(
    first: RelationshipType, second: RelationshipType
) -> None:
    path = a_relationship(BTC, ETH, relationship_type=first)
    longer = a_relationship(ETH, USDT, relationship_type=first)
    back = a_relationship(USDT, BTC, relationship_type=second)
    circular = any(first in types and second in types for types in ACYCLIC)
    expected = {("to_asset_id", "CYCLE")} if circular else set()
    assert findings(back, Held(path, longer)) == expected


def test_two_ways_to_one_asset_are_no_circle() -> None:
    held = Held(a_relationship(BTC, ETH), a_relationship(ETH, USDT))
    assert findings(a_relationship(BTC, USDT), held) == set()


FROM_ETH = ("asset_relationship", "from", ETH)


def test_a_walk_that_never_ends_is_refused() -> None:
    leaves = [a_relationship(ETH, an_id(str(number))) for number in range(10_001)]

    class Fan(Held):
        def find(self, kind: str, lookup: str, *values: Any) -> Iterator[Any]:
            return iter(leaves if (kind, lookup, *values) == FROM_ETH else ())

    assert findings(a_relationship(BTC, ETH), Fan()) == {("to_asset_id", "TOO_MANY")}


# ---------------------------------------------------------------- venue


def test_a_dex_settles_on_a_chain() -> None:
    dex = a_venue("uniswap-v3", venue_type=VenueType.DEX)
    assert findings(dex) == {("chain_id", "REQUIRED")}
    assert findings(changed(dex, chain_id="ethereum")) == set()
    assert findings(a_venue(chain_id=None)) == set()


def test_a_venue_needs_a_slug_a_name_and_a_type() -> None:
    bad = a_venue("Binance", name="", venue_type=None, operator="Binance Ltd")
    assert findings(bad) == {
        ("venue_id", "NOT_A_SLUG"),
        ("name", "REQUIRED"),
        ("venue_type", "REQUIRED"),
        ("operator", "NOT_A_SLUG"),
    }


def test_a_venues_endpoint_may_be_a_web_socket_and_its_site_may_not() -> None:
    assert findings(a_venue(api_endpoint="wss://x.y", website_url="https://x.y")) == set()
    assert findings(a_venue(api_endpoint="x", website_url="wss://x.y")) == {
        ("api_endpoint", "NOT_A_URL"),
        ("website_url", "NOT_A_URL"),
    }


def test_a_venues_texts_are_bounded() -> None:
    assert findings(a_venue(name="n" * 256, protocol_address="0" * 128)) == set()
    assert findings(a_venue(name="n" * 257, protocol_address="0" * 129)) == {
        ("name", "TOO_LONG"),
        ("protocol_address", "TOO_LONG"),
    }


# ---------------------------------------------------------------- slugs from names


@pytest.mark.parametrize(
    ("name", "slug"),
    [("BNB Smart Chain", "bnb-smart-chain"), (" x ", "x"), ("!?", ""), ("A" * 70, "a" * 64)],
)
def test_a_slug_is_made_of_a_name(name: str, slug: str) -> None:
    assert rules.slug_of(name) == slug
    assert not slug or list(rules.check_slug("x", slug)) == []
