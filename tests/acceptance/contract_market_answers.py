"""For each RPC of chains, symbols and venues: a good request, and what its answer means."""

from __future__ import annotations

from typing import Any

import grpc

from tests.acceptance.contract_answering import Answering
from tests.acceptance.contract_market import a_spot_symbol, an_asset
from tests.support.call_errors import refusal


class MarketAnswers(Answering):
    async def CreateChain(self) -> None:
        made = self.market.chain
        assert (made.chain_id, made.chain_name, made.chain_type) == ("ethereum", "Ethereum", "EVM")
        assert made.native_asset_id == self.market.eth.asset_id
        assert made.network_id == 1
        large = await self.client.call(
            "CreateChain", name="Palm Testnet", chain_type="EVM", chain_id=11_297_108_099
        )
        assert (large.chain.chain_id, large.chain.network_id) == ("palm-testnet", 11_297_108_099)

    async def GetChain(self) -> None:
        assert (await self.get("GetChain")).chain == self.market.chain

    async def ListChains(self) -> None:
        made = await self.client.call("CreateChain", name="Solana", chain_type="SOLANA")
        found = await self.client.call("ListChains", chain_type="SOLANA")
        assert list(found.chains) == [made.chain]
        assert self.market.chain in (await self.client.call("ListChains")).chains

    # ------------------------------------------------------------ symbols

    async def CreateSymbol(self) -> None:
        made = self.market.symbol
        assert made.symbol == "BTC/USDT"
        assert made.symbol_type == self.number["SYMBOL_TYPE_SPOT"]
        assert made.base_asset_id == self.market.btc.asset_id
        assert made.settlement_asset_id == made.quote_asset_id == self.market.usdt.asset_id
        assert (made.tick_size, made.lot_size) == (0.01, 0.00001)
        assert made.is_active
        linear = await a_spot_symbol(
            self.client,
            *(self.market.btc, self.market.usdt),
            symbol_type="SYMBOL_TYPE_PERPETUAL",
            settlement_asset_id=self.market.usdt.asset_id,
        )
        assert linear.symbol == "BTC/USDT:USDT"

    async def GetSymbol(self) -> None:
        assert (await self.get("GetSymbol")).symbol == self.market.symbol

    async def UpdateSymbol(self) -> None:
        made = await a_spot_symbol(self.client, self.market.weth, self.market.usdt, lot_size=0.1)
        changed = await self.client.call(
            "UpdateSymbol", symbol_id=made.symbol_id, tick_size=0.05, is_active=False
        )
        symbol = changed.symbol
        assert (symbol.tick_size, symbol.lot_size, symbol.is_active) == (0.05, 0.1, False)
        assert symbol.symbol == "WETH/USDT"

    async def DeleteSymbol(self) -> None:
        made = await a_spot_symbol(self.client, self.market.weth, self.market.btc)
        assert (await self.client.call("DeleteSymbol", symbol_id=made.symbol_id)).success
        gone = await refusal(self.client.call("GetSymbol", symbol_id=made.symbol_id))
        assert (gone.code, gone.reason) == (grpc.StatusCode.NOT_FOUND, "SYMBOL_NOT_FOUND")

    async def ListSymbols(self) -> None:
        base = await an_asset(self.client, "LTC")
        for quote in (self.market.btc, self.market.eth, self.market.usdt):
            await a_spot_symbol(self.client, base, quote)
        ask: dict[str, Any] = {"base_asset_id": base.asset_id, "page_size": 2}
        first = await self.client.call("ListSymbols", **ask)
        rest = await self.client.call("ListSymbols", **ask, page_token=first.next_page_token)
        found = [symbol.symbol for page in (first, rest) for symbol in page.symbols]
        assert sorted(found) == ["LTC/BTC", "LTC/ETH", "LTC/USDT"]
        assert (len(first.symbols), first.total_count, rest.next_page_token) == (2, 3, "")

    async def SearchSymbols(self) -> None:
        base = await an_asset(self.client, "XMR")
        made = await a_spot_symbol(self.client, base, self.market.btc)
        found = await self.client.call("SearchSymbols", query="XMR/BTC", limit=5)
        assert found.symbols[0] == made

    async def CreateSymbolIdentifier(self) -> None:
        made = self.market.symbol_identifier
        assert (made.symbol_id, made.external_id) == (self.market.symbol.symbol_id, "btc-usdt")
        assert made.data_source == self.number["DATA_SOURCE_GLASSNODE"]

    async def GetSymbolIdentifier(self) -> None:
        assert (await self.get("GetSymbolIdentifier")).identifier == self.market.symbol_identifier

    async def ListSymbolIdentifiers(self) -> None:
        found = await self.client.call(
            "ListSymbolIdentifiers", symbol_id=self.market.symbol.symbol_id
        )
        assert list(found.identifiers) == [self.market.symbol_identifier]

    # ------------------------------------------------------------ venues

    async def CreateVenue(self) -> None:
        made = self.market.venue
        assert (made.venue_id, made.name) == ("binance", "Binance")
        assert made.venue_type == self.number["VENUE_TYPE_CEX"]
        assert made.is_active
        dex = await self.client.call(
            "CreateVenue",
            name="Uniswap v3",
            venue_type="VENUE_TYPE_DEX",
            chain_id="ethereum",
            website_url="https://uniswap.org",
        )
        assert (dex.venue.venue_id, dex.venue.chain_id) == ("uniswap-v3", "ethereum")

    async def GetVenue(self) -> None:
        assert (await self.get("GetVenue")).venue == self.market.venue

    async def ListVenues(self) -> None:
        made = await self.client.call(
            "CreateVenue", name="Wormhole", venue_type="VENUE_TYPE_BRIDGE"
        )
        found = await self.client.call("ListVenues", venue_type="VENUE_TYPE_BRIDGE")
        assert list(found.venues) == [made.venue]
        assert self.market.venue in (await self.client.call("ListVenues")).venues

    async def CreateVenueAsset(self) -> None:
        made = self.market.venue_asset
        assert (made.venue_id, made.asset_id) == ("binance", self.market.btc.asset_id)
        flags = (made.deposit_enabled, made.withdraw_enabled, made.trading_enabled)
        assert flags == (True, False, True)
        assert made.is_active

    async def GetVenueAsset(self) -> None:
        assert (await self.get("GetVenueAsset")).venue_asset == self.market.venue_asset

    async def ListVenueAssets(self) -> None:
        for ask in ({"venue_id": "binance"}, {"asset_id": self.market.btc.asset_id}):
            found = await self.client.call("ListVenueAssets", **ask)
            assert list(found.venue_assets) == [self.market.venue_asset]

    async def CreateVenueSymbol(self) -> None:
        made = self.market.venue_symbol
        assert (made.venue_id, made.venue_symbol) == ("binance", "BTCUSDT")
        assert made.symbol_id == self.market.symbol.symbol_id
        assert (made.maker_fee, made.taker_fee) == (-0.0001, 0.001)
        assert made.is_active
        assert made.HasField("listed_at")

    async def GetVenueSymbol(self) -> None:
        assert (await self.get("GetVenueSymbol")).venue_symbol == self.market.venue_symbol

    async def ListVenueSymbols(self) -> None:
        for ask in ({"venue_id": "binance"}, {"symbol_id": self.market.symbol.symbol_id}):
            found = await self.client.call("ListVenueSymbols", **ask)
            assert list(found.venue_symbols) == [self.market.venue_symbol]
