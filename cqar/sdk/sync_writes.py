"""The writes of `cqar.Writer`, made by `make sdk-writes`: do not edit."""

from __future__ import annotations

import datetime as dt
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from cqar.sdk.decimal_input import Exact
from cqar.sdk.write_requests import Written
from cqar_shared.domain.kinds.asset import Asset
from cqar_shared.domain.kinds.asset_deployment import AssetDeployment
from cqar_shared.domain.kinds.asset_group import AssetGroup
from cqar_shared.domain.kinds.asset_identifier import AssetIdentifier
from cqar_shared.domain.kinds.asset_relationship import AssetRelationship
from cqar_shared.domain.kinds.chain import Chain
from cqar_shared.domain.kinds.quality_flag import QualityFlag
from cqar_shared.domain.kinds.symbol import Symbol
from cqar_shared.domain.kinds.symbol_identifier import SymbolIdentifier
from cqar_shared.domain.kinds.venue import Venue
from cqar_shared.domain.kinds.venue_asset import VenueAsset
from cqar_shared.domain.kinds.venue_symbol import VenueSymbol


class SyncWrites:
    """One method for each change; what a method leaves out stays as it is, or is not known.

    Enumerations are words such as `spot`, instants have a time zone, decimals are Decimal, int or
    text. Every method takes `reason` for the audit log. `if_revision` refuses the change if the
    entity changed after that revision; by default it is the one at which this writer saw it last.

    Raises:
        InvalidRequest: A rule refuses a value; `violations` names all of them.
        NotFound, AlreadyExists, ChangedMeanwhile, Refused, Denied, NotReady: As their names say.
    """

    @abstractmethod
    def _write(self, rpc: str, values: Mapping[str, Any]) -> Written[Any]:
        """Make the call with a method's parameters, `self` and `reason` among them."""

    def create_asset(
        self,
        symbol: str,
        *,
        name: str | None = None,
        asset_type: str | None = None,
        category: str | None = None,
        description: str | None = None,
        logo_url: str | None = None,
        website_url: str | None = None,
        asset_class: str | None = None,
        reason: str = "",
    ) -> Written[Asset]:
        """Add an asset with this ticker."""
        return self._write("CreateAsset", locals())

    def update_asset(
        self,
        asset_id: str,
        *,
        symbol: str | None = None,
        name: str | None = None,
        asset_type: str | None = None,
        category: str | None = None,
        description: str | None = None,
        logo_url: str | None = None,
        website_url: str | None = None,
        asset_class: str | None = None,
        if_revision: int | None = None,
        reason: str = "",
    ) -> Written[Asset]:
        """Change the given fields."""
        return self._write("UpdateAsset", locals())

    def delete_asset(
        self, asset_id: str, *, if_revision: int | None = None, reason: str = ""
    ) -> Written[None]:
        """Remove an asset that nothing refers to; its history stays."""
        return self._write("DeleteAsset", locals())

    def create_asset_deployment(
        self,
        asset_id: str,
        chain_id: str,
        *,
        contract_address: str | None = None,
        decimals: int | None = None,
        is_native: bool | None = None,
        is_canonical: bool | None = None,
        reason: str = "",
    ) -> Written[AssetDeployment]:
        """Record that an asset is deployed on a chain."""
        return self._write("CreateAssetDeployment", locals())

    def create_asset_identifier(
        self,
        asset_id: str,
        source: str,
        external_id: str,
        *,
        is_primary: bool | None = None,
        reason: str = "",
    ) -> Written[AssetIdentifier]:
        """Record a source's identifier of an asset."""
        return self._write("CreateAssetIdentifier", locals())

    def create_asset_relationship(
        self,
        source_asset_id: str,
        relationship_type: str,
        target_asset_id: str,
        *,
        description: str | None = None,
        conversion_rate: Exact | None = None,
        protocol: str | None = None,
        reason: str = "",
    ) -> Written[AssetRelationship]:
        """Record how one asset relates to another."""
        return self._write("CreateAssetRelationship", locals())

    def create_asset_group(
        self,
        name: str,
        *,
        description: str | None = None,
        group_type: str | None = None,
        members: Sequence[Any] | None = None,
        reason: str = "",
    ) -> Written[AssetGroup]:
        """Add a group, with members or empty."""
        return self._write("CreateAssetGroup", locals())

    def add_asset_to_group(
        self,
        group_id: str,
        asset_id: str,
        *,
        if_revision: int | None = None,
        weight_exact: Exact | None = None,
        reason: str = "",
    ) -> Written[None]:
        """Add an asset to a group."""
        return self._write("AddAssetToGroup", locals())

    def remove_asset_from_group(
        self, group_id: str, asset_id: str, *, if_revision: int | None = None, reason: str = ""
    ) -> Written[None]:
        """Remove an asset from a group."""
        return self._write("RemoveAssetFromGroup", locals())

    def raise_quality_flag(
        self,
        asset_id: str,
        flag_type: str,
        severity: str,
        *,
        description: str | None = None,
        source: str | None = None,
        evidence_url: str | None = None,
        reason: str = "",
    ) -> Written[QualityFlag]:
        """Raise a flag on an asset."""
        return self._write("RaiseQualityFlag", locals())

    def resolve_quality_flag(
        self,
        flag_id: str,
        *,
        resolution_notes: str | None = None,
        if_revision: int | None = None,
        reason: str = "",
    ) -> Written[QualityFlag]:
        """Resolve a flag; it stays on record."""
        return self._write("ResolveQualityFlag", locals())

    def create_chain(
        self,
        chain_id: str | None = None,
        *,
        name: str | None = None,
        chain_type: str | None = None,
        network_id: int | None = None,
        explorer_url: str | None = None,
        rpc_urls: Sequence[str] | None = None,
        native_asset_id: str | None = None,
        is_testnet: bool | None = None,
        caip2: str | None = None,
        reason: str = "",
    ) -> Written[Chain]:
        """Add a chain; without an id, one is made from its name."""
        return self._write("CreateChain", locals())

    def create_symbol(
        self,
        base_asset_id: str,
        quote_asset_id: str,
        *,
        symbol: str | None = None,
        symbol_type: str | None = None,
        settlement_asset_id: str | None = None,
        tick_size: Exact | None = None,
        lot_size: Exact | None = None,
        min_order_size: Exact | None = None,
        max_order_size: Exact | None = None,
        min_notional: Exact | None = None,
        contract_size: Exact | None = None,
        strike_price: Exact | None = None,
        expiry: dt.datetime | None = None,
        option_type: str | None = None,
        price_asset_id: str | None = None,
        contract_kind: str | None = None,
        underlying_class: str | None = None,
        underlying: str | None = None,
        settlement_method: str | None = None,
        exercise_style: str | None = None,
        last_trade_at: dt.datetime | None = None,
        reason: str = "",
    ) -> Written[Symbol]:
        """Add a symbol with this base and quote; its text is derived from its fields."""
        return self._write("CreateSymbol", locals())

    def update_symbol(
        self,
        symbol_id: str,
        *,
        symbol: str | None = None,
        symbol_type: str | None = None,
        is_active: bool | None = None,
        if_revision: int | None = None,
        tick_size: Exact | None = None,
        lot_size: Exact | None = None,
        min_order_size: Exact | None = None,
        max_order_size: Exact | None = None,
        min_notional: Exact | None = None,
        contract_size: Exact | None = None,
        strike_price: Exact | None = None,
        underlying_class: str | None = None,
        underlying: str | None = None,
        settlement_method: str | None = None,
        exercise_style: str | None = None,
        last_trade_at: dt.datetime | None = None,
        reason: str = "",
    ) -> Written[Symbol]:
        """Change the given fields."""
        return self._write("UpdateSymbol", locals())

    def delete_symbol(
        self, symbol_id: str, *, if_revision: int | None = None, reason: str = ""
    ) -> Written[None]:
        """Remove a symbol that nothing refers to; its history stays."""
        return self._write("DeleteSymbol", locals())

    def create_symbol_identifier(
        self,
        symbol_id: str,
        data_source: str,
        external_id: str,
        *,
        is_primary: bool | None = None,
        reason: str = "",
    ) -> Written[SymbolIdentifier]:
        """Record a source's identifier of a symbol."""
        return self._write("CreateSymbolIdentifier", locals())

    def create_venue(
        self,
        venue_id: str | None = None,
        *,
        name: str | None = None,
        venue_type: str | None = None,
        chain_id: str | None = None,
        api_endpoint: str | None = None,
        website_url: str | None = None,
        protocol_address: str | None = None,
        operator: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        environment: str | None = None,
        region: str | None = None,
        facts_stale_after_s: int | None = None,
        reason: str = "",
    ) -> Written[Venue]:
        """Add a venue; without an id, one is made from its name."""
        return self._write("CreateVenue", locals())

    def create_venue_asset(
        self,
        venue_id: str,
        asset_id: str,
        venue_asset_symbol: str,
        *,
        deployment_id: str | None = None,
        deposit_enabled: bool | None = None,
        withdraw_enabled: bool | None = None,
        trading_enabled: bool | None = None,
        min_deposit: Exact | None = None,
        min_withdrawal: Exact | None = None,
        withdrawal_fee: Exact | None = None,
        deposit_fee: Exact | None = None,
        other_codes: Sequence[str] | None = None,
        networks: Sequence[Any] | None = None,
        name: str | None = None,
        reason: str = "",
    ) -> Written[VenueAsset]:
        """Record a venue's code for an asset."""
        return self._write("CreateVenueAsset", locals())

    def create_venue_symbol(
        self,
        venue_id: str,
        venue_symbol: str,
        symbol_id: str,
        *,
        maker_fee: Exact | None = None,
        taker_fee: Exact | None = None,
        min_order_value: Exact | None = None,
        max_order_value: Exact | None = None,
        min_notional: Exact | None = None,
        max_leverage: Exact | None = None,
        tick_size: Exact | None = None,
        lot_size: Exact | None = None,
        min_order_size: Exact | None = None,
        max_order_size: Exact | None = None,
        contract_size: Exact | None = None,
        unit_multiplier: Exact | None = None,
        market_lot_size: Exact | None = None,
        market_min_size: Exact | None = None,
        market_max_size: Exact | None = None,
        min_price: Exact | None = None,
        max_price: Exact | None = None,
        bid_multiplier_up: Exact | None = None,
        bid_multiplier_down: Exact | None = None,
        ask_multiplier_up: Exact | None = None,
        ask_multiplier_down: Exact | None = None,
        market_min_notional: Exact | None = None,
        market_max_notional: Exact | None = None,
        initial_margin_rate: Exact | None = None,
        maintenance_margin_rate: Exact | None = None,
        status: str | None = None,
        is_primary: bool | None = None,
        listed_at: dt.datetime | None = None,
        alias_of: str | None = None,
        tick_bands: Sequence[Any] | None = None,
        price_significant_digits: int | None = None,
        order_unit: str | None = None,
        trading_starts_at: dt.datetime | None = None,
        phases: Sequence[Any] | None = None,
        scheduled: Sequence[Any] | None = None,
        channels: Sequence[str] | None = None,
        permission_groups: Sequence[Any] | None = None,
        quote_alternatives: Sequence[str] | None = None,
        order_types: Sequence[str] | None = None,
        time_in_force: Sequence[str] | None = None,
        funding_interval_s: int | None = None,
        legs: Sequence[Any] | None = None,
        doubts: Sequence[str] | None = None,
        reason: str = "",
    ) -> Written[VenueSymbol]:
        """List a symbol at a venue under a spelling."""
        return self._write("CreateVenueSymbol", locals())

    def delete_asset_relationship(
        self, relationship_id: str, *, if_revision: int | None = None, reason: str = ""
    ) -> Written[None]:
        """Remove a relationship; its history stays."""
        return self._write("DeleteAssetRelationship", locals())

    def update_chain(
        self,
        chain_id: str,
        *,
        name: str | None = None,
        chain_type: str | None = None,
        network_id: int | None = None,
        native_asset_id: str | None = None,
        explorer_url: str | None = None,
        rpc_urls: Sequence[str] | None = None,
        is_testnet: bool | None = None,
        caip2: str | None = None,
        if_revision: int | None = None,
        reason: str = "",
    ) -> Written[Chain]:
        """Change the given fields."""
        return self._write("UpdateChain", locals())

    def update_venue(
        self,
        venue_id: str,
        *,
        name: str | None = None,
        website_url: str | None = None,
        api_endpoint: str | None = None,
        protocol_address: str | None = None,
        operator: str | None = None,
        is_active: bool | None = None,
        metadata: Mapping[str, Any] | None = None,
        environment: str | None = None,
        region: str | None = None,
        facts_stale_after_s: int | None = None,
        if_revision: int | None = None,
        reason: str = "",
    ) -> Written[Venue]:
        """Change the given fields."""
        return self._write("UpdateVenue", locals())

    def update_venue_asset(
        self,
        venue_id: str,
        asset_id: str,
        *,
        venue_asset_symbol: str | None = None,
        deployment_id: str | None = None,
        deposit_enabled: bool | None = None,
        withdraw_enabled: bool | None = None,
        trading_enabled: bool | None = None,
        min_deposit: Exact | None = None,
        min_withdrawal: Exact | None = None,
        withdrawal_fee: Exact | None = None,
        deposit_fee: Exact | None = None,
        other_codes: Sequence[str] | None = None,
        networks: Sequence[Any] | None = None,
        name: str | None = None,
        if_revision: int | None = None,
        reason: str = "",
    ) -> Written[VenueAsset]:
        """Change the given fields."""
        return self._write("UpdateVenueAsset", locals())

    def delist_venue_asset(
        self,
        venue_id: str,
        asset_id: str,
        *,
        delisted_at: dt.datetime | None = None,
        if_revision: int | None = None,
        reason: str = "",
    ) -> Written[VenueAsset]:
        """Delist an asset at a venue, now or at a given time."""
        return self._write("DelistVenueAsset", locals())

    def update_venue_symbol(
        self,
        venue_id: str,
        venue_symbol: str,
        *,
        maker_fee: Exact | None = None,
        taker_fee: Exact | None = None,
        min_order_value: Exact | None = None,
        max_order_value: Exact | None = None,
        min_notional: Exact | None = None,
        max_leverage: Exact | None = None,
        tick_size: Exact | None = None,
        lot_size: Exact | None = None,
        min_order_size: Exact | None = None,
        max_order_size: Exact | None = None,
        contract_size: Exact | None = None,
        unit_multiplier: Exact | None = None,
        market_lot_size: Exact | None = None,
        market_min_size: Exact | None = None,
        market_max_size: Exact | None = None,
        min_price: Exact | None = None,
        max_price: Exact | None = None,
        bid_multiplier_up: Exact | None = None,
        bid_multiplier_down: Exact | None = None,
        ask_multiplier_up: Exact | None = None,
        ask_multiplier_down: Exact | None = None,
        market_min_notional: Exact | None = None,
        market_max_notional: Exact | None = None,
        initial_margin_rate: Exact | None = None,
        maintenance_margin_rate: Exact | None = None,
        status: str | None = None,
        is_primary: bool | None = None,
        tick_bands: Sequence[Any] | None = None,
        price_significant_digits: int | None = None,
        order_unit: str | None = None,
        trading_starts_at: dt.datetime | None = None,
        phases: Sequence[Any] | None = None,
        scheduled: Sequence[Any] | None = None,
        channels: Sequence[str] | None = None,
        permission_groups: Sequence[Any] | None = None,
        quote_alternatives: Sequence[str] | None = None,
        order_types: Sequence[str] | None = None,
        time_in_force: Sequence[str] | None = None,
        funding_interval_s: int | None = None,
        legs: Sequence[Any] | None = None,
        doubts: Sequence[str] | None = None,
        if_revision: int | None = None,
        reason: str = "",
    ) -> Written[VenueSymbol]:
        """Change the given fields of the spelling's open listing."""
        return self._write("UpdateVenueSymbol", locals())

    def delist_venue_symbol(
        self,
        venue_id: str,
        venue_symbol: str,
        *,
        delisted_at: dt.datetime | None = None,
        if_revision: int | None = None,
        reason: str = "",
    ) -> Written[VenueSymbol]:
        """Delist the spelling's open listing, now or at a given time; its past stays."""
        return self._write("DelistVenueSymbol", locals())
