"""The part of the registry that concerns one venue, in memory.

It is a working set that lacks nothing that a plan asks for: what is not in it is not in the
registry, or archived. So the writer's own rules judge a plan here, before anything is sent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar

from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.writer.v1 import finding_pb2
from cqc.writer.v1 import registry_admin_pb2 as admin_pb

from cqar.admin import pagination
from cqar.admin.connection import CallFailed, Connection
from cqar.admin.entity_lists import entities_of
from cqar.importer.price_evidence import SAME_TIME
from cqar.importer.readers.registry import production_operator
from cqar.importer.registry_products import PRODUCT_KINDS, Held, Products
from cqar_shared.codec import entity_codec
from cqar_shared.domain.finding_policy import DEFAULT_RULES, FindingKind, FindingRule
from cqar_shared.domain.kind import AnyKind, Entity, Ref
from cqar_shared.domain.kinds.asset_price import ASSET_PRICE
from cqar_shared.domain.kinds.finding import FINDING, Finding, FindingAction
from cqar_shared.domain.kinds.venue import VENUE, Venue
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET, VenueAsset
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol, is_open
from cqar_shared.domain.working_set import LookupKey, Stored, WorkingSet
from cqar_shared.errors import TooLarge

#: More of one venue than anybody decides; 300 MB.
FINDINGS_MAX: Final = 200_000
_UNDECIDED: Final = (
    *(finding_pb2.FINDING_STATE_OPEN, finding_pb2.FINDING_STATE_HELD),
    finding_pb2.FINDING_STATE_REJECTED,
)
_APPROVED: Final = (finding_pb2.FINDING_STATE_APPROVED,)
_LASTING: Final = (
    *(FindingKind.UNREADABLE, FindingKind.SOURCE_MISSING, FindingKind.MASS_CHANGE),
    FindingKind.CHANGED_FORM,
)


K = TypeVar("K")
V = TypeVar("V")


class _Layer(dict[K, V]):
    """What was added, above what is shared; only what was added is iterated over."""

    def __init__(self, below: dict[K, V]) -> None:
        super().__init__()
        self._below = below

    def __missing__(self, key: K) -> V:
        return self._below[key]

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or key in self._below

    def get(self, key: K, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default


class RegistryState(WorkingSet):
    """Entities by key and by every lookup of their kinds.

    Attributes:
        archived: Spellings that mean something at the instant of the listing and are archived.
        rules: What is done with which findings; the first rule that matches decides.
        known_findings: Id -> what was found of the venue before: undecided or rejected, and
            approved where that lifts a doubt or allows a mass change.
        repeated_codes: Of a test environment, what the operator's production means by its codes.
        operator_listings: Open listings of the operator's other venues. They are no part of the
            working set: no rule looks at them.
    """

    def __init__(
        self,
        now: dt.datetime,
        revision: int = 0,
        as_of: dt.datetime | None = None,
        products: Products | None = None,
    ) -> None:
        """Hold nothing yet but the products.

        Args:
            now: The instant that rules are judged at.
            revision: Where the registry stood before any of it was read.
            as_of: The same instant, where that is not the present.
            products: They stay as they are, whatever this state takes.
        """
        # What is so already is noted, too: older answers may tell of instants before.
        super().__init__(now, historical=True, as_of=as_of, confirms=as_of is not None)
        self._products = products if products is not None else Products()
        self._stored: _Layer[Ref, Stored | None] = _Layer(self._products.stored)
        self._found: _Layer[LookupKey, list[str]] = _Layer(self._products.found)
        self.revision = revision
        self.archived: set[str] = set()
        self.rules: tuple[FindingRule, ...] = DEFAULT_RULES
        self.known_findings: dict[str, Finding] = {}
        self.repeated_codes: dict[str, VenueAsset] = {}
        self.operator_listings: list[VenueSymbol] = []

    def stored(self, ref: Ref) -> Stored | None:
        found: Stored | None = self._stored.get(ref)
        return found

    def add(self, kind: AnyKind, entity: Entity) -> None:
        key = kind.key_of(entity)
        self.know((kind.name, key), Held(entity))
        for name, lookup in kind.lookups.items():
            for values in lookup.values_of(entity):
                find = LookupKey(kind.name, name, values)
                self.know_found(find, [*self._found.get(find, ()), key])

    def replace(self, kind: AnyKind, entity: Entity) -> None:
        """Hold an entity that is new, or in the place of what it was."""
        key = kind.key_of(entity)
        if self._stored.get((kind.name, key)) is None:
            self.add(kind, entity)
        else:
            self.know((kind.name, key), Held(entity))

    def all(self, kind: AnyKind) -> Iterator[Any]:
        own = {key: held for (name, key), held in self._stored.items() if name == kind.name}
        for key, product in self._products.all(kind.name):
            if key not in own:
                yield product.entity
        for held in own.values():
            if held is not None:
                yield held.entity


def load_state(
    connection: Connection,
    venue: Venue,
    now: dt.datetime,
    as_of: dt.datetime | None = None,
    spellings: Iterable[str] = (),
    prices_at: dt.datetime | None = None,
    products: Products | None = None,
) -> RegistryState:
    """Read what a plan for the venue needs: the registry's products, and the venue's own.

    Args:
        now: The instant of the listing.
        as_of: The same, where that is not the present.
        spellings: What the listing names: lists do not have what is archived.
        prices_at: When prices were taken that are to be compared; None: there are none.
        products: Those of earlier rounds, which are brought up to date; None: they are loaded.

    Raises:
        CallFailed: The writer refused or did not answer.
    """
    products = products if products is not None else Products()
    products.sync(connection)
    state = RegistryState(now, products.revision or 0, as_of, products)
    for venue_id in dict.fromkeys((venue.venue_id, code_holder(venue))):
        # An operator need not be a venue.
        if state.stored((VENUE.name, venue_id)) is not None:
            load_codes(connection, state, venue_id)
    load_repeated_codes(connection, state, venue)
    load_listings(connection, state, venue.venue_id)
    load_findings(connection, state, dict.fromkeys((venue.venue_id, code_holder(venue))))
    load_operator_listings(connection, state, venue)
    load_archived(connection, state, venue.venue_id, spellings)
    if prices_at is not None:
        load_prices(connection, state, prices_at - SAME_TIME, prices_at + SAME_TIME)
    return state


def load_products(connection: Connection, state: RegistryState) -> None:
    """All chains, venues, assets with their contracts and successions, and symbols."""
    for kind in PRODUCT_KINDS:
        for entity in entities_of(connection, kind):
            state.add(kind, entity)


def load_prices(
    connection: Connection,
    state: RegistryState,
    taken_from: dt.datetime,
    taken_until: dt.datetime,
) -> None:
    """What was stored of assets' prices within a window, of all operators."""
    request = admin_pb.ListAssetPricesRequest()
    request.taken_from.FromDatetime(taken_from)
    request.taken_until.FromDatetime(taken_until)
    method = connection.admin.ListAssetPrices
    for price in pagination.entities(connection, method, request, "prices"):
        state.add(ASSET_PRICE, entity_codec.from_message(ASSET_PRICE, price))


def load_codes(connection: Connection, state: RegistryState, venue_id: str) -> None:
    """The venue's assets."""
    for held in entities_of(connection, VENUE_ASSET, venue_id=venue_id):
        state.add(VENUE_ASSET, held)


def load_repeated_codes(connection: Connection, state: RegistryState, venue: Venue) -> None:
    """Of a test environment, the codes of the production that it repeats."""
    operator = production_operator(venue.venue_id)
    if operator is not None and state.stored((VENUE.name, operator)) is not None:
        held = entities_of(connection, VENUE_ASSET, venue_id=operator)
        state.repeated_codes = codes_now(held, state.now)


def codes_now(held: Iterable[VenueAsset], at: dt.datetime) -> dict[str, VenueAsset]:
    """Code -> what it means at an instant; where that is nothing, what it means since."""
    found: dict[str, VenueAsset] = {}
    going_on = (one for one in held if one.delisted_at is None or one.delisted_at > at)
    for one in sorted(going_on, key=lambda one: one.listed_at is not None and one.listed_at > at):
        for code in one.codes:
            found.setdefault(code, one)
    return found


def load_listings(connection: Connection, state: RegistryState, venue_id: str) -> None:
    """All periods of all spellings."""
    filters = {"venue_id": venue_id, "include_delisted": True}
    for listing in entities_of(connection, VENUE_SYMBOL, **filters):
        state.add(VENUE_SYMBOL, listing)


def load_findings(connection: Connection, state: RegistryState, venue_ids: Iterable[str]) -> None:
    """The policy, and what was found of venues before and matters still.

    What was approved matters where the same thing is so again: a doubt that was lifted, and an
    answer that lacks much.

    Raises:
        CallFailed: The writer refused, or so many findings are undecided that nobody decides them.
    """
    admin = connection.admin
    policy = connection.call(admin.GetFindingPolicy, admin_pb.GetFindingPolicyRequest())
    state.rules = tuple(
        FindingRule(
            name=rule.name,
            action=FindingAction(rule.action),
            kinds=tuple(rule.kinds),
            venue_ids=tuple(rule.venue_ids),
            fields=tuple(rule.fields),
        )
        for rule in policy.rules
    )
    for venue_id in venue_ids:
        for states, kinds in ((_UNDECIDED, ()), (_APPROVED, _LASTING)):
            request = admin_pb.ListProposalsRequest(venue_id=venue_id, states=states, kinds=kinds)
            found = pagination.entities(connection, admin.ListProposals, request, "findings")
            for message in found:
                finding = entity_codec.from_message(FINDING, message)
                state.known_findings[finding.finding_id] = finding
                if len(state.known_findings) > FINDINGS_MAX:
                    text = f"more than {FINDINGS_MAX} findings of {venue_id}: decide them first"
                    raise CallFailed(text, "RESOURCE_EXHAUSTED", TooLarge.reason)


def load_operator_listings(connection: Connection, state: RegistryState, venue: Venue) -> None:
    """Open listings of the operator's other product lines: they may use a code all the while."""
    holder = code_holder(venue)
    others = [v for v in state.all(VENUE) if code_holder(v) == holder]
    for other in others:
        if other.venue_id != venue.venue_id and other.environment == venue.environment:
            found = entities_of(connection, VENUE_SYMBOL, venue_id=other.venue_id)
            state.operator_listings += found


def load_archived(
    connection: Connection, state: RegistryState, venue_id: str, spellings: Iterable[str]
) -> None:
    """Of spellings that no list has, the last period, if there ever was one."""
    for spelling in spellings:
        if next(iter(state.find(VENUE_SYMBOL.name, "spelling", venue_id, spelling)), None):
            continue
        request = pb.GetVenueSymbolRequest(venue_id=venue_id, venue_symbol=spelling)
        try:
            answer = connection.call(connection.registry.GetVenueSymbol, request)
        except CallFailed as error:
            if error.code == "NOT_FOUND":
                continue
            raise
        listing = entity_codec.from_message(VENUE_SYMBOL, answer.venue_symbol)
        if (listing.listed_at or state.now) <= state.now and is_open(listing, state.now):
            state.archived.add(spelling)
        else:
            state.add(VENUE_SYMBOL, listing)


def holder_of(state: RegistryState, venue: Venue) -> str:
    """Where a venue's codes are recorded: at its operator, if that is a venue itself."""
    holder = code_holder(venue)
    return holder if state.get(VENUE.name, holder) is not None else venue.venue_id


def code_holder(venue: Venue) -> str:
    """The venue whose asset codes apply: venues of one operator share its codes."""
    return venue.operator or venue.venue_id
