"""Commands about assets and what belongs to one."""

from __future__ import annotations

from typing import Final

from cqar.cli.nouns.model import Noun, Verb

ASSET: Final = Noun(
    name="asset",
    summary="Assets; each is one economic thing, even if others share its ticker.",
    columns="symbol name asset_type category asset_id",
    verbs={
        "add": Verb(
            "CreateAsset",
            "symbol",
            "Add an asset with this ticker.",
            'USDC --name "USD Coin" --type erc20 --category stablecoin',
            required="name asset_type",
            impact="cqar.cli.nouns.same_ticker:of_new_asset",
        ),
        "show": Verb("GetAsset", "asset_id", "Show all fields of an asset.", "USDC"),
        "set": Verb(
            "UpdateAsset",
            "asset_id",
            "Change the given fields.",
            'USDC --category stablecoin --reason "as its issuer says"',
        ),
        "list": Verb("ListAssets", "", "List assets.", "--type erc20"),
        "search": Verb(
            "SearchAssets",
            "query",
            "Search by ticker, name, identifier or contract address; best match first.",
            "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
        ),
        "rm": Verb(
            "DeleteAsset",
            "asset_id",
            "Remove an asset that nothing refers to; its history stays.",
            "USDC",
        ),
    },
    extra_commands={
        "duplicates": "cqar.cli.asset_duplicates:duplicates",
        "merge": "cqar.cli.asset_merges:merge",
        "unmerge": "cqar.cli.asset_merges:unmerge",
    },
)

DEPLOYMENT: Final = Noun(
    name="deployment",
    summary="Deployments of assets on chains.",
    columns="asset_id chain_id address decimals is_native is_canonical deployment_id",
    verbs={
        "add": Verb(
            "CreateAssetDeployment",
            "asset_id chain_id",
            "Record that an asset is deployed on a chain.",
            "USDC ethereum --decimals 6"
            " --contract-address 0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
            required="decimals",
        ),
        "show": Verb(
            "GetAssetDeployment",
            "deployment_id",
            "Show all fields of a deployment.",
            "6f1c1f0e-2f0b-4a57-9a53-0d4f6b1f0c11",
        ),
        "list": Verb(
            "ListAssetDeployments", "[asset_id]", "List deployments of one asset or of all.", "USDC"
        ),
    },
)

RELATIONSHIP: Final = Noun(
    name="relationship",
    summary="Relationships: which asset wraps, bridges, stakes or tracks which.",
    columns="from_asset_id relationship_type to_asset_id conversion_rate protocol relationship_id",
    verbs={
        "add": Verb(
            "CreateAssetRelationship",
            "source_asset_id relationship_type target_asset_id",
            "Record how one asset relates to another.",
            "WBTC wraps BTC --conversion-rate 1 --protocol BitGo",
        ),
        "list": Verb(
            "ListAssetRelationships",
            "[asset_id]",
            "List relationships of one asset (in either direction) or of all.",
            "BTC --type wraps",
        ),
        "rm": Verb(
            "DeleteAssetRelationship",
            "relationship_id",
            "Remove a relationship; its history stays.",
            "6f1c1f0e-2f0b-4a57-9a53-0d4f6b1f0c11",
        ),
    },
)

GROUP: Final = Noun(
    name="group",
    summary="Groups of assets; each member has an exact weight.",
    columns="name group_type members description group_id",
    extra_commands={"expand": "cqar.cli.check:expand_group"},
    default_verb="expand",
    verbs={
        "add": Verb(
            "CreateAssetGroup",
            "name",
            "Add a group, with members or empty.",
            "eth-variants --member ETH=1 --member stETH=1",
        ),
        "show": Verb("GetAssetGroup", "group_id", "Show a group and its members.", "eth-variants"),
        "list": Verb("ListAssetGroups", "", "List groups.", "--type basket"),
        "member add": Verb(
            "AddAssetToGroup",
            "group_id asset_id",
            "Add an asset to a group.",
            "eth-variants rETH --weight 1.13",
            response_field="member",
        ),
        "member rm": Verb(
            "RemoveAssetFromGroup",
            "group_id asset_id",
            "Remove an asset from a group.",
            "eth-variants rETH",
        ),
    },
)

FLAG: Final = Noun(
    name="flag",
    summary="Quality flags: warnings on assets; an active critical one stops their trading.",
    columns="asset_id flag_type severity reason source raised_at resolved_at flag_id",
    verbs={
        "raise": Verb(
            "RaiseQualityFlag",
            "asset_id flag_type severity",
            "Raise a flag on an asset.",
            'LUNA exploited critical --description "the peg broke" --yes',
            required="description",
            impact="cqar.cli.nouns.impact:of_flag",
        ),
        "list": Verb(
            "ListQualityFlags",
            "[asset_id]",
            "List active flags of one asset or of all.",
            "LUNA --include-resolved",
        ),
        "resolve": Verb(
            "ResolveQualityFlag",
            "flag_id",
            "Resolve a flag, by its id or by the asset that has no other; it stays on record.",
            "LUNA --notes 'patched'",
            required="resolution_notes",
        ),
        "check": Verb(
            "CheckAssetTradeable",
            "asset_id",
            "Show whether an asset's flags allow trading, and which flags forbid it.",
            "LUNA",
            response_field="*",
        ),
    },
    aliases={"add": "raise"},
)

IDENTIFIER: Final = Noun(
    name="identifier",
    summary="Identifiers of assets and symbols at other sources.",
    columns="asset_id symbol_id source data_source external_id is_primary identifier_id",
    verbs={
        "add asset": Verb(
            "CreateAssetIdentifier",
            "asset_id source external_id",
            "Record a source's identifier of an asset.",
            "BTC coingecko bitcoin --primary",
        ),
        "add symbol": Verb(
            "CreateSymbolIdentifier",
            "symbol_id data_source external_id",
            "Record a source's identifier of a symbol.",
            "BTC/USDT coingecko btc_usdt",
        ),
        "show asset": Verb(
            "GetAssetIdentifier",
            "asset_id source",
            "Show a source's primary identifier of an asset, or its only one.",
            "BTC coingecko",
        ),
        "show symbol": Verb(
            "GetSymbolIdentifier",
            "symbol_id data_source",
            "Show a source's primary identifier of a symbol, or its only one.",
            "BTC/USDT coingecko",
        ),
        "list asset": Verb(
            "ListAssetIdentifiers", "[asset_id]", "List identifiers of one asset or of all.", "BTC"
        ),
        "list symbol": Verb(
            "ListSymbolIdentifiers",
            "[symbol_id]",
            "List identifiers of one symbol or of all.",
            "BTC/USDT",
        ),
    },
)
