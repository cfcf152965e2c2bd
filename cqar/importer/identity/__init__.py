"""Which asset a venue's code means, by evidence. Pure: no I/O, no clock.

A ticker is no evidence: LIT is Litentry at one operator and Lighter at another. What speaks for and
against each candidate is collected, a table decides, and what it cannot decide becomes an asset of
its own, unverified, and a finding for people.

ladder          what a code is, given its candidates and what speaks for and against each: a table
names           full names: the same, unclear, different
codes           multiples, classes, ids of what imports make
code_facts      what answers say of a code
code_prices     what tickers say of it
asset_index     the registry's assets by ticker, name, contract, price
candidates      what speaks for and against each candidate
operator_codes  the codes of the operator, as they are and as they become
relisting       listings that begin anew, and codes in use between
reuse           codes that may mean another coin than before
earlier_meaning what a code meant at the time of an older answer
succession      codes that may be what was called otherwise before
multiples       codes that look like many units of a coin
undecided       what is not decided, as findings
assignment      assets of codes
asset_identity  assets of markets: the face of all this
"""

from cqar.importer.identity.asset_identity import MEANING_UNDECIDED, AssetIdentity
from cqar.importer.identity.assignment import AmbiguousCode, CodeBinding
from cqar.importer.identity.codes import imported_id, is_no_coin, looks_multiplied
from cqar.importer.identity.ladder import EvidenceKind
from cqar.importer.identity.relisting import is_listed_anew

__all__ = [
    "MEANING_UNDECIDED",
    "AmbiguousCode",
    "AssetIdentity",
    "CodeBinding",
    "EvidenceKind",
    "imported_id",
    "is_listed_anew",
    "is_no_coin",
    "looks_multiplied",
]
