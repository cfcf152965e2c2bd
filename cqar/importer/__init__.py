"""Imports what a venue lists: read its answers, plan the changes, apply the plan.

market             one market as the venue states it; None where it is silent
readers            what our readers declare: one module a venue
saved_answers      a venue's answers from files: decoded exactly, matched to requests
fetching           a venue's answers from the venue itself
answer_reader      every raw record has one outcome: MARKET, UNSUPPORTED or UNREADABLE
record_fields      which fields of a raw record its reader does not know
side_answers       what a venue says beside its listing: currencies and last prices
ccxt_reading       venues without a reader: ccxt's reading, traced to the record, unreviewed
registry_products  the registry's products in memory, kept current between rounds
registry_state     the part of the registry that concerns the venue, in memory
identity           which asset a venue's code means, by evidence
evidence           where a listing's terms are from: answers, and deciding fields of its record
code_descriptions  what a list of currencies adds to the operator's codes
contract_texts     whether a text can be a contract's address
networks           which chain a venue's network id means
price_rows         what an import stores of prices, for other imports
price_evidence     what prices say about whether a code is an asset
multipliers        codes that stand for many units of a coin, as somebody has stated
terms              a market's terms as those of a listing
listing_proposals  entities as the answers want them
answer_dates       when a venue's answers were taken, in its metadata
backfill           what an older answer says, behind the present
answer_forms       the form of an answer, and what it has no more
form_findings      a venue's change of form, as findings
differences        what an answer says otherwise, as findings, by the policy
missing            what the answers do not name, or not readably
venue_notes        what a venue's metadata says of its imports
plan               what would change, judged by the writer's own rules
plan_judgement     the proposals, judged by the writer's own rules
plan_rows          the plan as rows to review, grouped by the kind of change
recorded_sources   the raw records of before, for findings that people decide
saved_plan         a plan in a file, applied as it was reviewed or not at all
reference          token lists, chains, identifiers, code maps: what no venue's answer says
apply              sends the plan to the writer in batches
venue_round        one round of one venue: all of the above
"""

__all__ = [
    "answer_dates",
    "answer_forms",
    "answer_reader",
    "apply",
    "ccxt_answers",
    "ccxt_reading",
    "code_descriptions",
    "contract_texts",
    "differences",
    "evidence",
    "fetching",
    "form_findings",
    "identity",
    "listing_proposals",
    "market",
    "missing",
    "multipliers",
    "networks",
    "plan",
    "plan_rows",
    "price_evidence",
    "price_rows",
    "readers",
    "record_fields",
    "recorded_sources",
    "reference",
    "registry_products",
    "registry_state",
    "saved_answers",
    "saved_plan",
    "side_answers",
    "stable_ids",
    "terms",
    "venue_round",
]
