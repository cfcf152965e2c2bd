"""Assets, and everything that hangs on one."""

from __future__ import annotations

from typing import Final

from cqar.cli.nouns.model import Noun, Verb

ASSET: Final = Noun(
    name="asset",
    about="Assets: one economic thing each, whoever else has its ticker.",
    id="asset_id",
    one="asset",
    many="assets",
    columns="symbol name asset_type category asset_id",
    verbs={
        "add": Verb(
            "CreateAsset",
            "symbol",
            "Add an asset, named by its ticker.",
            'cqar asset add USDC --name "USD Coin" --type erc20 --category stablecoin',
            done="added",
        ),
        "show": Verb("GetAsset", "asset_id", "Show all of an asset.", "cqar asset show USDC"),
        "set": Verb(
            "UpdateAsset",
            "asset_id",
            "Change the fields that are given.",
            'cqar asset set USDC --category stablecoin --reason "as its issuer says"',
            done="changed",
        ),
        "list": Verb("ListAssets", "", "List assets.", "cqar asset list --type erc20"),
        "search": Verb(
            "SearchAssets",
            "query",
            "Search by ticker, name, identifier and contract address; best first.",
            "cqar asset search 0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
        ),
        "rm": Verb(
            "DeleteAsset",
            "asset_id",
            "Remove an asset that nothing refers to; its history stays.",
            "cqar asset rm USDC",
            done="removed",
            asks=True,
        ),
    },
)

DEPLOYMENT: Final = Noun(
    name="deployment",
    about="Deployments: assets on chains.",
    id="deployment_id",
    one="deployment",
    many="deployments",
    columns="asset_id chain_id address decimals is_native is_canonical deployment_id",
    verbs={
        "add": Verb(
            "CreateAssetDeployment",
            "asset_id chain_id",
            "Say that an asset is on a chain.",
            "cqar deployment add USDC ethereum"
            " --contract-address 0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48 --decimals 6",
            done="added",
        ),
        "show": Verb(
            "GetAssetDeployment",
            "deployment_id",
            "Show all of a deployment.",
            "cqar deployment show 6f1c1f0e-2f0b-4a57-9a53-0d4f6b1f0c11",
        ),
        "list": Verb(
            "ListAssetDeployments",
            "[asset_id]",
            "List deployments, of one asset or of all.",
            "cqar deployment list USDC",
        ),
    },
)

RELATIONSHIP: Final = Noun(
    name="relationship",
    about="Relationships: what wraps, bridges, stakes or follows what.",
    id="relationship_id",
    one="relationship",
    many="relationships",
    columns="from_asset_id relationship_type to_asset_id conversion_rate protocol relationship_id",
    verbs={
        "add": Verb(
            "CreateAssetRelationship",
            "source_asset_id relationship_type target_asset_id",
            "Say how an asset stands to another.",
            "cqar relationship add WBTC wraps BTC --conversion-rate 1 --protocol BitGo",
            done="added",
        ),
        "list": Verb(
            "ListAssetRelationships",
            "[asset_id]",
            "List relationships, of one asset (either way) or all.",
            "cqar relationship list BTC --type wraps",
        ),
        "rm": Verb(
            "DeleteAssetRelationship",
            "relationship_id",
            "Remove a relationship; its history stays.",
            "cqar relationship rm 6f1c1f0e-2f0b-4a57-9a53-0d4f6b1f0c11",
            done="removed",
            asks=True,
        ),
    },
)

GROUP: Final = Noun(
    name="group",
    about="Groups of assets, each member with an exact weight.",
    id="group_id",
    one="group",
    many="groups",
    columns="name group_type members description group_id",
    more={"expand": "cqar.cli.check:expand_group"},
    otherwise="expand",
    verbs={
        "add": Verb(
            "CreateAssetGroup",
            "name",
            "Add a group, with its members or empty.",
            "cqar group add eth-variants --member ETH=1 --member stETH=1",
            done="added",
        ),
        "show": Verb(
            "GetAssetGroup",
            "group_id",
            "Show a group and its members.",
            "cqar group show eth-variants",
        ),
        "list": Verb("ListAssetGroups", "", "List groups.", "cqar group list --type basket"),
        "member add": Verb(
            "AddAssetToGroup",
            "group_id asset_id",
            "Add an asset to a group.",
            "cqar group member add eth-variants rETH --weight 1.13",
            done="added",
            answer="member",
        ),
        "member rm": Verb(
            "RemoveAssetFromGroup",
            "group_id asset_id",
            "Take an asset out of a group.",
            "cqar group member rm eth-variants rETH",
            done="removed",
            asks=True,
        ),
    },
)

FLAG: Final = Noun(
    name="flag",
    about="Quality flags: warnings on assets; an active critical one stops their trading.",
    id="flag_id",
    one="flag",
    many="flags",
    columns="asset_id flag_type severity reason source raised_at resolved_at flag_id",
    verbs={
        "raise": Verb(
            "RaiseQualityFlag",
            "asset_id flag_type severity",
            "Warn of an asset.",
            'cqar flag raise LUNA exploited critical --description "the peg broke"',
            done="raised",
        ),
        "list": Verb(
            "ListQualityFlags",
            "[asset_id]",
            "List active flags, of one asset or of all.",
            "cqar flag list LUNA --include-resolved",
        ),
        "resolve": Verb(
            "ResolveQualityFlag",
            "flag_id",
            "End a flag; it stays on record.",
            "cqar flag resolve 6f1c1f0e-2f0b-4a57-9a53-0d4f6b1f0c11 --notes 'patched'",
            done="resolved",
        ),
        "check": Verb(
            "CheckAssetTradeable",
            "asset_id",
            "Say whether an asset's flags let it be traded, and which do not.",
            "cqar flag check LUNA",
            answer="*",
        ),
    },
    aliases={"add": "raise"},
)

IDENTIFIER: Final = Noun(
    name="identifier",
    about="Identifiers: what assets and symbols are called elsewhere.",
    id="identifier_id",
    one="identifier",
    many="identifiers",
    columns="asset_id symbol_id source data_source external_id is_primary identifier_id",
    verbs={
        "add asset": Verb(
            "CreateAssetIdentifier",
            "asset_id source external_id",
            "Say what a source calls an asset.",
            "cqar identifier add asset BTC coingecko bitcoin --primary",
            done="added",
        ),
        "add symbol": Verb(
            "CreateSymbolIdentifier",
            "symbol_id data_source external_id",
            "Say what a source calls a symbol.",
            "cqar identifier add symbol BTC/USDT coingecko btc_usdt",
            done="added",
        ),
        "show asset": Verb(
            "GetAssetIdentifier",
            "asset_id source",
            "Show a source's primary identifier of an asset, or its only one.",
            "cqar identifier show asset BTC coingecko",
        ),
        "show symbol": Verb(
            "GetSymbolIdentifier",
            "symbol_id data_source",
            "Show a source's primary identifier of a symbol, or its only one.",
            "cqar identifier show symbol BTC/USDT coingecko",
        ),
        "list asset": Verb(
            "ListAssetIdentifiers",
            "[asset_id]",
            "List identifiers, of one asset or of all.",
            "cqar identifier list asset BTC",
        ),
        "list symbol": Verb(
            "ListSymbolIdentifiers",
            "[symbol_id]",
            "List identifiers, of one symbol or of all.",
            "cqar identifier list symbol BTC/USDT",
        ),
    },
)
