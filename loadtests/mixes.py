"""Who asks what, of whom, how often: a mix is a table of RPCs, by their share of 100 acts."""

from __future__ import annotations

from typing import Final, NamedTuple

from cqar.admin.rpc_catalog import RESOLVER, WRITER

#: Acts in a deck. Each RPC of a mix is made as often in every so many acts as the mix says.
DECK_ACTS: Final = 100
#: So few that a stall of up to 100 ms keeps no user from its next act.
ACTS_PER_S_A_USER: Final = 10
#: The one act that is several calls: an asset's whole life, by `changing`.
CHANGES: Final = "changes"
CHANGING: Final = (
    "CreateAsset",
    "UpdateAsset",
    "RaiseQualityFlag",
    "ResolveQualityFlag",
    "Apply",
)


class Mix(NamedTuple):
    """What one kind of user does.

    Attributes:
        name: The user's class in `locustfile`, in lower case.
        servers: Who can be asked.
        acts_per_s: In all, of all its users together.
        shares: RPC (or `CHANGES`) -> how many of `DECK_ACTS`.
        goals: RPC -> what the roadmap asks for at this rate on two cores.
    """

    name: str
    servers: tuple[str, ...]
    acts_per_s: int
    shares: dict[str, int]
    goals: dict[str, LatencyGoal]

    @property
    def rpcs(self) -> tuple[str, ...]:
        """Every RPC that a run makes, in the order of the table."""
        return tuple(rpc for act in self.shares for rpc in (CHANGING if act == CHANGES else (act,)))


class LatencyGoal(NamedTuple):
    """Latencies that are to be undercut; None: no word about it."""

    p50_ms: float | None
    p99_ms: float | None


CQMD: Final = Mix(
    "cqmd", (RESOLVER,), 500, {"Resolve": 95, "ResolveBatch": 4, "Watch": 1}, goals={}
)
CQPM: Final = Mix(
    "cqpm",
    (RESOLVER,),
    200,
    {
        "ResolveAsset": 25,
        "ExpandGroup": 20,
        "GetAssetGroup": 10,
        "ListAssetRelationships": 15,
        "ListAssetIdentifiers": 10,
        "GetAssetIdentifier": 10,
        "ListAssetGroups": 5,
        "ListAssets": 5,
    },
    goals={},
)
CQVX: Final = Mix(
    "cqvx",
    (RESOLVER,),
    400,
    {"FindVenueSymbols": 30, "CheckOrder": 40, "GetVenueAsset": 15, "CheckAssetTradeable": 15},
    goals={},
)
ADMIN: Final = Mix(
    "admin",
    (WRITER,),
    50,
    {
        "GetAsset": 30,
        "GetVenueSymbol": 20,
        "ListVenueSymbols": 15,
        "SearchAssets": 13,
        "History": 10,
        "GetHead": 10,
        CHANGES: 2,
    },
    goals={},
)
ROADMAP: Final = Mix(
    "roadmap",
    (WRITER, RESOLVER),
    1_000,
    {"GetVenueSymbol": 50, "GetAsset": 50},
    goals={"GetVenueSymbol": LatencyGoal(10, 50), "GetAsset": LatencyGoal(None, 20)},
)

MIXES: Final = {mix.name: mix for mix in (CQMD, CQPM, CQVX, ADMIN, ROADMAP)}
