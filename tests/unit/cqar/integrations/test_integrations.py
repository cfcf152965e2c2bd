"""A resolution as ccxt's and as Nautilus's structure: all that is known, and nothing else."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import ccxt
import msgspec
import pytest

import cqar
from cqar.integrations.ccxt import DuplicateMarket, by_symbol
from cqar.integrations.nautilus import NotExpressible
from cqar_shared.domain.kinds.symbol import (
    ContractKindCode,
    OptionTypeCode,
    SymbolTypeCode,
    UnderlyingClassCode,
)
from cqar_shared.domain.kinds.venue_symbol import (
    ListingTickBand,
    MarketStatusCode,
    OrderUnitCode,
)
from cqar_shared.domain.listing_term_rules import PermissionGroups
from tests.support.entity_builders import BTC, NOW, USDT, a_symbol, an_asset
from tests.support.sdk_setup import a_listing, resolve_btcusdt

EXPIRY = dt.datetime(2026, 12, 25, 8, tzinfo=dt.UTC)
EXPIRY_MS = 1_798_185_600_000


def spot(**changes: Any) -> cqar.Resolution:
    return resolve_btcusdt(a_listing(**changes))


def contract(
    of: SymbolTypeCode,
    kind: ContractKindCode,
    settlement: str,
    listing: dict[str, Any] | None = None,
    **terms: Any,
) -> cqar.Resolution:
    """A contract on BTC/USDT. `terms` are its symbol's; `listing` has the listing's."""
    size = Decimal(100) if kind is ContractKindCode.INVERSE else Decimal("0.01")
    given = {"contract_size": size, "listed_at": NOW, **(listing or {})}
    symbol = a_symbol(symbol_type=of, contract_kind=kind, settlement_asset_id=settlement, **terms)
    return resolve_btcusdt(a_listing(symbol_id=symbol.symbol_id, **given), symbol=symbol)


def perpetual() -> cqar.Resolution:
    return contract(SymbolTypeCode.PERPETUAL, ContractKindCode.LINEAR, USDT)


def future() -> cqar.Resolution:
    return contract(SymbolTypeCode.FUTURE, ContractKindCode.INVERSE, BTC, expiry=EXPIRY)


def option() -> cqar.Resolution:
    terms = {"strike_price": Decimal(100_000), "option_type": OptionTypeCode.CALL}
    return contract(SymbolTypeCode.OPTION, ContractKindCode.LINEAR, USDT, expiry=EXPIRY, **terms)


# ---------------------------------------------------------------- ccxt


def test_a_spot_market_has_ccxts_structure() -> None:
    found = spot(
        taker_fee=Decimal("0.001"), min_order_size=Decimal("0.0001"), max_order_value=Decimal(9_000)
    )
    market = cqar.ccxt_market(found)
    assert (market["symbol"], market["id"], market["type"]) == ("BTC/USDT", "BTCUSDT", "spot")
    assert (market["base"], market["quote"], market["settle"]) == ("BTC", "USDT", None)
    assert (market["spot"], market["contract"], market["linear"]) == (True, False, None)
    assert (market["taker"], market["maker"], market["contractSize"]) == (0.001, None, None)
    assert market["precision"] == {"price": 0.01, "amount": 0.00001}
    assert market["limits"]["amount"] == {"min": 0.0001, "max": None}
    assert market["limits"]["cost"] == {"min": 5.0, "max": 9_000.0}
    assert market["active"]
    assert not cqar.ccxt_market(spot(status=MarketStatusCode.HALTED))["active"]


def test_contracts_have_settlement_kind_and_expiry() -> None:
    swap, dated, call = map(cqar.ccxt_market, (perpetual(), future(), option()))
    assert (swap["symbol"], swap["type"], swap["settle"]) == ("BTC/USDT:USDT", "swap", "USDT")
    assert (swap["linear"], swap["inverse"], swap["contractSize"]) == (True, False, 0.01)
    assert swap["expiry"] is None
    assert (dated["symbol"], dated["type"]) == ("BTC/USDT:BTC-261225", "future")
    assert (dated["linear"], dated["inverse"], dated["contractSize"]) == (False, True, 100.0)
    assert (dated["expiry"], dated["expiryDatetime"]) == (EXPIRY_MS, "2026-12-25T08:00:00.000Z")
    assert call["symbol"] == "BTC/USDT:USDT-261225-100000-C"
    assert (call["option"], call["strike"], call["optionType"]) == (True, 100_000.0, "call")


def test_ccxt_accepts_every_type_of_market_and_rounds_by_it() -> None:
    exchange = ccxt.okx()
    found = [spot(), perpetual(), future(), option()]
    exchange.set_markets(by_symbol(found))
    assert len(exchange.symbols) == len(found)
    assert exchange.amount_to_precision("BTC/USDT", "1.123456789") == "1.12345"
    assert exchange.price_to_precision("BTC/USDT:USDT", "64000.129") == "64000.13"
    assert exchange.market("BTC/USDT:BTC-261225")["subType"] == "inverse"
    # What the bridge says is what ccxt's structure has a place for.
    assert cqar.ccxt_market(spot()).keys() <= exchange.safe_market_structure().keys()


def test_numbers_have_the_type_of_the_exchange() -> None:
    assert cqar.ccxt_market(spot(), Decimal)["precision"]["amount"] == Decimal("0.00001")
    assert cqar.ccxt_market(spot(), str)["precision"]["amount"] == "0.00001"


def test_steps_that_ccxt_cannot_express_or_that_are_defaults_are_none() -> None:
    bands = (ListingTickBand(from_price=Decimal(0), tick_size=Decimal("0.1")),)
    banded = spot(tick_size=None, tick_bands=bands)
    assert cqar.ccxt_market(banded)["precision"] == {"price": None, "amount": 0.00001}
    defaults = a_symbol(tick_size=Decimal("0.1"), lot_size=Decimal(1))
    listing = a_listing(symbol_id=defaults.symbol_id, tick_size=None, lot_size=None)
    borrowed = resolve_btcusdt(listing, symbol=defaults)
    assert borrowed.specs.tick_size == Decimal("0.1")
    assert cqar.ccxt_market(borrowed)["precision"] == {"price": None, "amount": None}


def test_two_products_with_one_symbol_are_refused() -> None:
    product = msgspec.structs.replace(spot().symbol, symbol_id="another")
    one, other = (
        spot(),
        msgspec.structs.replace(spot(), venue_symbol="BTCUSDT_OLD", symbol=product),
    )
    with pytest.raises(DuplicateMarket, match="BTCUSDT and BTCUSDT_OLD are both BTC/USDT"):
        by_symbol([one, other])
    gone = msgspec.structs.replace(other, status=cqar.Status.DELISTED)
    assert [market["id"] for market in by_symbol([one, gone]).values()] == ["BTCUSDT"]


def test_of_two_spellings_of_one_product_the_one_that_trades_is_given_else_the_first() -> None:
    halted = msgspec.structs.replace(
        spot(), venue_symbol="XBTUSDT", market_status=cqar.MarketStatus.HALTED
    )
    for found in ([halted, spot()], [spot(), halted]):
        assert [market["id"] for market in by_symbol(found).values()] == ["BTCUSDT"]
    other = msgspec.structs.replace(spot(), venue_symbol="BTCUSDT.D")
    assert [market["id"] for market in by_symbol([spot(), other]).values()] == ["BTCUSDT"]


def test_of_coins_with_one_ticker_one_that_trades_alone_has_it_others_their_names() -> None:
    def other(spelling: str, name: str, status: cqar.MarketStatus) -> cqar.Resolution:
        base = msgspec.structs.replace(spot().base, asset_id=f"{name} id", name=name)
        return msgspec.structs.replace(
            spot(), venue_symbol=spelling, base=base, market_status=status
        )

    halted = other("OLDUSDT", "Bitcoin (old)", cqar.MarketStatus.HALTED)
    symbols = {market["id"]: symbol for symbol, market in by_symbol([spot(), halted]).items()}
    assert symbols == {"BTCUSDT": "BTC/USDT", "OLDUSDT": "Bitcoin (old)/USDT"}
    online = other("OLDUSDT", "Bitcoin (old)", cqar.MarketStatus.ONLINE)
    named = other("BTCUSDT", "Bitcoin", cqar.MarketStatus.ONLINE)
    assert set(by_symbol([named, online])) == {"Bitcoin/USDT", "Bitcoin (old)/USDT"}


def test_limits_of_prices_market_orders_and_leverage_are_the_venues() -> None:
    terms = {
        "min_price": Decimal("0.01"),
        "max_price": Decimal(1_000_000),
        "market_min_size": Decimal("0.001"),
        "market_max_size": Decimal(97),
        "max_leverage": Decimal(20),
    }
    limits = cqar.ccxt_market(spot(**terms))["limits"]
    assert limits["price"] == {"min": 0.01, "max": 1_000_000.0}
    assert limits["market"] == {"min": 0.001, "max": 97.0}
    assert limits["leverage"] == {"min": None, "max": 20.0}


def test_a_size_of_a_contract_is_what_an_amount_of_one_is_worth() -> None:
    def size(kind: ContractKindCode, settlement: str, unit: OrderUnitCode | None) -> Any:
        found = contract(SymbolTypeCode.PERPETUAL, kind, settlement, listing={"order_unit": unit})
        return cqar.ccxt_market(found)["contractSize"]

    linear, inverse = (ContractKindCode.LINEAR, USDT), (ContractKindCode.INVERSE, BTC)
    assert size(*linear, OrderUnitCode.CONTRACT) == size(*linear, None) == 0.01
    assert size(*linear, OrderUnitCode.BASE) == size(*inverse, OrderUnitCode.QUOTE) == 1.0
    assert size(*inverse, OrderUnitCode.CONTRACT) == 100.0
    # Amounts that ccxt would take for another unit have no size.
    assert size(*linear, OrderUnitCode.QUOTE) is size(*inverse, OrderUnitCode.BASE) is None


@pytest.mark.parametrize(
    ("terms", "margin"),
    [
        ({}, None),
        ({"permission_groups": (PermissionGroups(groups=("SPOT", "MARGIN")),)}, True),
        ({"permission_groups": (PermissionGroups(groups=("SPOT",)),)}, False),
        ({"max_leverage": Decimal(10)}, True),
        ({"max_leverage": Decimal(1)}, False),
    ],
)
def test_whether_a_spot_market_has_margin_is_as_the_venue_says(
    terms: dict[str, Any], margin: bool | None
) -> None:
    assert cqar.ccxt_market(spot(**terms))["margin"] is margin


def test_a_market_is_active_by_its_status_and_of_no_status_it_is_not_known() -> None:
    def active(status: MarketStatusCode | None) -> object:
        return cqar.ccxt_market(spot(status=status))["active"]

    assert active(MarketStatusCode.PRE_MARKET) is active(MarketStatusCode.POST_ONLY) is True
    assert active(MarketStatusCode.SETTLING) is active(MarketStatusCode.SELL_ONLY) is False
    unknown = msgspec.structs.replace(spot(), market_status=cqar.MarketStatus.UNSPECIFIED)
    assert cqar.ccxt_market(unknown)["active"] is None


def a_combo() -> cqar.Resolution:
    symbol = msgspec.structs.replace(perpetual().symbol, symbol_type=cqar.SymbolType.COMBO)
    return msgspec.structs.replace(perpetual(), symbol=symbol)


def test_a_combination_is_no_market_of_ccxts() -> None:
    assert list(by_symbol([a_combo(), spot()])) == ["BTC/USDT"]
    with pytest.raises(ValueError, match="ccxt has no type"):
        cqar.ccxt_market(a_combo())


# ---------------------------------------------------------------- Nautilus


def test_a_spot_market_is_a_currency_pair() -> None:
    fields = cqar.instrument(spot(max_order_size=Decimal(9_000)))
    assert (fields["type"], fields["id"], fields["raw_symbol"]) == (
        "CurrencyPair",
        "BTCUSDT.BINANCE",
        "BTCUSDT",
    )
    assert (fields["base_currency"], fields["quote_currency"]) == ("BTC", "USDT")
    assert (fields["price_precision"], fields["price_increment"]) == (2, "0.01")
    assert (fields["size_precision"], fields["size_increment"]) == (5, "0.00001")
    assert (fields["multiplier"], fields["lot_size"]) == ("1", "0.00001")
    assert (fields["min_quantity"], fields["max_quantity"]) == (None, "9000")
    assert (fields["min_notional"], fields["max_notional"]) == ("5 USDT", None)
    assert not fields.keys() & {"margin_init", "margin_maint", "maker_fee", "taker_fee"}


def test_fees_are_given_if_both_are_known_and_the_venue_can_be_named() -> None:
    fields = cqar.instrument(spot(maker_fee=Decimal("-0.0001"), taker_fee=Decimal("0.001")), "BNB")
    assert (fields["maker_fee"], fields["taker_fee"], fields["id"]) == (
        "-0.0001",
        "0.001",
        "BTCUSDT.BNB",
    )


def test_contracts_are_perpetuals_futures_and_options() -> None:
    swap, dated, call = map(cqar.instrument, (perpetual(), future(), option()))
    assert (swap["type"], swap["base_currency"]) == ("CryptoPerpetual", "BTC")
    assert (swap["settlement_currency"], swap["is_inverse"], swap["multiplier"]) == (
        "USDT",
        False,
        "0.01",
    )
    assert (dated["type"], dated["underlying"], dated["is_inverse"]) == (
        "CryptoFuture",
        "BTC",
        True,
    )
    assert dated["expiration_ns"] == EXPIRY_MS * 1_000_000
    assert dated["activation_ns"] == int(NOW.timestamp()) * 1_000_000_000
    assert (call["type"], call["option_kind"]) == ("CryptoOption", "CALL")
    assert call["strike_price"] == "100000"


def test_a_unit_of_a_thousand_is_a_currency_of_its_own() -> None:
    fields = cqar.instrument(spot(unit_multiplier=Decimal(1000)))
    assert (fields["base_currency"], fields["multiplier"]) == ("1000BTC", "1")
    assert fields["info"]["unit_multiplier"] == "1000"


def test_an_instrument_needs_the_venues_own_steps() -> None:
    with pytest.raises(cqar.StepsUnknown, match="tick and lot"):
        cqar.instrument(spot(lot_size=None))
    symbol = a_symbol(
        symbol_type=SymbolTypeCode.PERPETUAL,
        contract_kind=ContractKindCode.LINEAR,
        settlement_asset_id=USDT,
    )
    unsized = resolve_btcusdt(a_listing(symbol_id=symbol.symbol_id), symbol=symbol)
    with pytest.raises(cqar.StepsUnknown, match="size of a contract"):
        cqar.instrument(unsized)


def test_limits_of_value_and_price_margins_and_fees_are_the_venues() -> None:
    terms = {
        "order_unit": OrderUnitCode.BASE,
        "min_price": Decimal("0.01"),
        "max_price": Decimal(1_000_000),
        "max_order_value": Decimal(9_000_000),
        "initial_margin_rate": Decimal("0.05"),
        "maintenance_margin_rate": Decimal("0.025"),
    }
    fields = cqar.instrument(spot(**terms))
    assert (fields["min_price"], fields["max_price"]) == ("0.01", "1000000")
    assert (fields["min_notional"], fields["max_notional"]) == ("5 USDT", "9000000 USDT")
    assert (fields["margin_init"], fields["margin_maint"]) == ("0.05", "0.025")
    below_zero = cqar.instrument(spot(min_price=Decimal(-5)))
    assert below_zero["min_price"] is None


def test_a_multiplier_is_what_a_quantity_of_one_is_worth() -> None:
    def multiplier(kind: ContractKindCode, settlement: str, unit: OrderUnitCode) -> Any:
        found = contract(SymbolTypeCode.PERPETUAL, kind, settlement, listing={"order_unit": unit})
        return cqar.instrument(found)["multiplier"]

    linear, inverse = (ContractKindCode.LINEAR, USDT), (ContractKindCode.INVERSE, BTC)
    assert multiplier(*linear, OrderUnitCode.CONTRACT) == "0.01"
    assert multiplier(*linear, OrderUnitCode.BASE) == "1"
    assert multiplier(*inverse, OrderUnitCode.CONTRACT) == "100"
    assert multiplier(*inverse, OrderUnitCode.QUOTE) == "1"
    for kind, unit in ((linear, OrderUnitCode.QUOTE), (inverse, OrderUnitCode.BASE)):
        with pytest.raises(NotExpressible, match="count"):
            multiplier(*kind, unit)


def test_an_option_priced_in_its_base_has_that_currency_and_is_worth_its_premium() -> None:
    terms = {"strike_price": Decimal(100_000), "option_type": OptionTypeCode.CALL}
    found = contract(
        *(SymbolTypeCode.OPTION, ContractKindCode.INVERSE, BTC),
        {"order_unit": OrderUnitCode.BASE, "contract_size": None},
        expiry=EXPIRY,
        price_asset_id=BTC,
        **terms,
    )
    fields = cqar.instrument(found)
    assert (fields["type"], fields["quote_currency"]) == ("CryptoOption", "BTC")
    assert (fields["is_inverse"], fields["multiplier"]) == (False, "1")


def of_shares(of: SymbolTypeCode, **listing: Any) -> cqar.Resolution:
    terms = {"order_unit": OrderUnitCode.BASE, "contract_size": None, **listing}
    dated = {} if of is SymbolTypeCode.PERPETUAL else {"expiry": EXPIRY}
    return contract(
        *(of, ContractKindCode.LINEAR, USDT, terms),
        underlying_class=UnderlyingClassCode.EQUITY,
        **dated,
    )


def test_what_is_of_no_coin_is_of_nautiluss_generic_classes() -> None:
    swap = cqar.instrument(of_shares(SymbolTypeCode.PERPETUAL))
    assert (swap["type"], swap["asset_class"]) == ("PerpetualContract", "EQUITY")
    assert (swap["underlying"], swap["base_currency"]) == ("BTC", None)
    assert (swap["quote_currency"], swap["settlement_currency"]) == ("USDT", "USDT")
    whole = of_shares(SymbolTypeCode.FUTURE, lot_size=Decimal(1))
    dated = cqar.instrument(whole)
    assert (dated["type"], dated["currency"], dated["exchange"]) == (
        *("FuturesContract", "USDT"),
        None,
    )
    assert dated["expiration_ns"] == EXPIRY_MS * 1_000_000


def test_what_nautilus_has_no_instrument_for_is_refused() -> None:
    with pytest.raises(NotExpressible, match="COMBO"):
        cqar.instrument(a_combo())
    with pytest.raises(NotExpressible, match="whole contracts"):
        cqar.instrument(of_shares(SymbolTypeCode.FUTURE))


def test_a_quanto_contract_has_no_limit_of_value_in_the_settlement_currency() -> None:
    eth = an_asset("ETH").asset_id
    terms = {"order_unit": OrderUnitCode.CONTRACT, "contract_size": Decimal("0.000001")}
    found = contract(SymbolTypeCode.PERPETUAL, ContractKindCode.QUANTO, eth, terms)
    fields = cqar.instrument(found)
    assert (fields["multiplier"], fields["settlement_currency"]) == ("0.000001", "ETH")
    assert fields["min_notional"] is fields["max_notional"] is None
