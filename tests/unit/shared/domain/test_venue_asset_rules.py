"""What an asset at a venue and an API key accept and refuse."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.domain.kinds.venue_asset import AMOUNTS
from tests.support.entity_builders import ETH, NOW, USDT, a_deployment, a_key, a_venue_asset, an_id
from tests.support.memory_registry_view import Held, changed, completed, findings

LATER = NOW + dt.timedelta(days=30)
EARLIER = NOW - dt.timedelta(days=30)
DAY = dt.timedelta(days=1)


# ---------------------------------------------------------------- venue asset


def test_a_venue_asset_needs_a_venue_an_asset_and_a_code() -> None:
    assert findings(a_venue_asset()) == set()
    assert findings(a_venue_asset(venue_id="", asset_id="", venue_asset_symbol="")) == {
        ("venue_id", "REQUIRED"),
        ("asset_id", "REQUIRED"),
        ("venue_asset_symbol", "REQUIRED"),
    }


@pytest.mark.parametrize(
    "field", ["min_deposit", "min_withdrawal", "withdrawal_fee", "deposit_fee"]
)
def test_a_venue_assets_amounts_are_not_negative(field: str) -> None:
    assert findings(a_venue_asset(**{field: Decimal(0)})) == set()
    bad = a_venue_asset(**{field: Decimal("-0.1")})
    assert findings(bad) == {(f"exact.{field}", "NEGATIVE")}


def test_further_codes_are_few_printable_and_different() -> None:
    assert findings(a_venue_asset(other_codes=("XBT", "XXBT"))) == set()
    assert findings(a_venue_asset(other_codes=("BTC",))) == {("other_codes", "DUPLICATE")}
    assert findings(a_venue_asset(other_codes=(" X",))) == {("other_codes", "WHITE_SPACE")}
    many = tuple(f"X{number}" for number in range(17))
    assert findings(a_venue_asset(other_codes=many[:16])) == set()
    assert findings(a_venue_asset(other_codes=many)) == {("other_codes", "TOO_MANY")}


def test_a_code_names_one_open_asset_of_a_venue() -> None:
    rival = a_venue_asset(asset_id=ETH, venue_asset_symbol="E", other_codes=("BTC",))
    assert findings(a_venue_asset(), Held(rival)) == {("venue_asset_symbol", "CODE_TAKEN")}
    further = a_venue_asset(venue_asset_symbol="XBT", other_codes=("XXBT", "E"))
    assert findings(further, Held(rival)) == {("other_codes", "CODE_TAKEN")}
    gone = changed(rival, delisted_at=NOW)
    assert findings(a_venue_asset(), Held(gone)) == set()
    elsewhere = changed(rival, venue_id="kraken")
    assert findings(a_venue_asset(), Held(elsewhere)) == set()
    itself = a_venue_asset(other_codes=("XBT",))
    assert findings(a_venue_asset(), Held(itself), itself) == set()


@pytest.mark.parametrize(
    ("listed_at", "delisted_at", "taken"),
    [
        (None, EARLIER, False),
        (None, EARLIER + DAY, True),
        (EARLIER + DAY, EARLIER + 2 * DAY, True),
        (NOW - DAY, None, True),
        (NOW, None, False),
        (None, None, True),
    ],
)
def test_a_code_named_one_asset_of_a_venue_at_any_instant_of_the_past(
    listed_at: dt.datetime | None, delisted_at: dt.datetime | None, *, taken: bool
) -> None:
    rival = a_venue_asset(asset_id=ETH, listed_at=EARLIER, delisted_at=NOW)
    past = Held(rival, historical=True)
    found = findings(a_venue_asset(listed_at=listed_at, delisted_at=delisted_at), past)
    assert found == ({("venue_asset_symbol", "CODE_TAKEN")} if taken else set())


def test_a_venue_assets_end_is_after_its_beginning() -> None:
    bad = a_venue_asset(listed_at=EARLIER, delisted_at=EARLIER)
    assert findings(bad) == {("delisted_at", "NOT_AFTER_LISTING")}
    assert findings(changed(bad, delisted_at=NOW)) == set()
    # It has no status that would turn at its instant, so an end is recorded when it comes.
    assert findings(changed(bad, delisted_at=LATER)) == {("delisted_at", "FUTURE")}


def test_a_venue_asset_is_listed_now_unless_it_is_history_and_anew_when_reopened() -> None:
    assert completed(a_venue_asset()).listed_at == NOW
    assert completed(a_venue_asset(), Held(historical=True)).listed_at is None
    known = a_venue_asset(listed_at=EARLIER)
    assert completed(a_venue_asset(), before=known).listed_at == EARLIER
    gone = changed(known, delisted_at=EARLIER + dt.timedelta(days=1))
    assert completed(a_venue_asset(), before=gone).listed_at == NOW


#: What a venue asset that was delisted keeps, and something else for each.
OTHERWISE = {
    "venue_asset_symbol": "XBT",
    "other_codes": ("X",),
    "deployment_id": an_id("deployment"),
    "delisted_at": NOW,
    "deposit_enabled": True,
    "withdraw_enabled": True,
    "trading_enabled": False,
    "min_deposit": Decimal(1),
    "min_withdrawal": Decimal(1),
    "withdrawal_fee": Decimal(1),
    "deposit_fee": Decimal(1),
}


@pytest.mark.parametrize("field", OTHERWISE)
def test_a_delisted_venue_asset_stays_as_it_was_unless_reopened_or_history(field: str) -> None:
    before = a_venue_asset(listed_at=EARLIER, delisted_at=NOW - dt.timedelta(days=1))
    after = changed(before, **{field: OTHERWISE[field]})
    named = f"exact.{field}" if field in AMOUNTS else field
    assert findings(after, before=before) == {(named, "IMMUTABLE")}
    assert findings(after, Held(historical=True), before) == set()
    assert findings(changed(after, delisted_at=None), before=before) == set()
    assert findings(changed(before, metadata={"note": "x"}), before=before) == set()


def test_a_venue_assets_deployment_is_one_of_its_own_asset() -> None:
    deposited = a_venue_asset(asset_id=USDT, deployment_id=a_deployment().deployment_id)
    assert findings(deposited, Held(a_deployment())) == set()
    of_another = Held(a_deployment(asset_id=ETH))
    assert findings(deposited, of_another) == {("deployment_id", "OTHER_ASSET")}


def test_a_venues_code_is_printable_and_of_at_most_128_characters() -> None:
    assert findings(a_venue_asset(venue_asset_symbol="B" * 128)) == set()
    for text, reason in (("B" * 129, "TOO_LONG"), (" B", "WHITE_SPACE"), ("B\tC", "NOT_PRINTABLE")):
        assert findings(a_venue_asset(venue_asset_symbol=text)) == {("venue_asset_symbol", reason)}


# ---------------------------------------------------------------- api key


def test_a_key_is_known_by_its_hash_actor_and_role() -> None:
    assert findings(a_key()) == set()
    assert findings(a_key(key_id="", key_hash="secret", actor="", role=None)) == {
        ("key_id", "NOT_A_UUID"),
        ("key_hash", "NOT_A_HASH"),
        ("actor", "REQUIRED"),
        ("role", "REQUIRED"),
    }
    assert findings(a_key(actor=" alice")) == {("actor", "WHITE_SPACE")}
    assert findings(a_key(key_hash="A" * 64)) == {("key_hash", "NOT_A_HASH")}
    assert findings(a_key(key_hash="a" * 64 + "\n")) == {("key_hash", "NOT_A_HASH")}


def test_a_key_may_be_revoked_and_stays_so() -> None:
    revoked = a_key(revoked_at=NOW)
    assert findings(revoked, before=a_key()) == set()
    assert findings(a_key(), before=revoked) == {("revoked_at", "FINAL")}
    # A revocation for later could not be brought forward: it is refused, or it is now.
    soon, late = (a_key(revoked_at=NOW + dt.timedelta(minutes=m)) for m in (1, 6))
    assert completed(soon, before=a_key()).revoked_at == NOW
    assert findings(late, before=a_key()) == {("revoked_at", "FUTURE")}
    other = a_key(key_hash="0" * 64, actor="bob", role=Role.ADMIN)
    assert findings(other, before=a_key()) == {
        ("key_hash", "IMMUTABLE"),
        ("actor", "IMMUTABLE"),
        ("role", "IMMUTABLE"),
    }


def test_a_new_key_expires_in_the_future_unless_it_is_told_of_the_past() -> None:
    assert findings(a_key(expires_at=LATER)) == set()
    for over in (NOW, EARLIER):
        dead = a_key(expires_at=over)
        assert findings(dead) == {("expires_at", "PAST")}
        assert findings(dead, Held(historical=True)) == set()
        # A key that is there may be ended, by its expiry too.
        assert findings(dead, before=a_key(expires_at=LATER)) == set()


def test_a_key_is_valid_until_it_expires_or_is_revoked() -> None:
    assert a_key().valid_at(NOW)
    assert a_key(expires_at=LATER, revoked_at=LATER).valid_at(NOW)
    assert not a_key(expires_at=NOW).valid_at(NOW)
    assert not a_key(revoked_at=NOW, expires_at=LATER).valid_at(NOW)
