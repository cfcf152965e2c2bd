"""What an answer says otherwise than the registry: typed, and by the policy applied or not. Pure.

step_sizes       whether steps are coarser than they were, or much finer
term_classes     the kind of finding that each changed term of a listing is
bounds           a lower and an upper bound that must go together
findings         a difference as a finding: about what, from what to what, by which records
open_findings    what was found before and is not so any more
decisions        what becomes of each difference by the policy
listing_review   the differences of a listing that is named readably
absence_review   a listing that the answers lack or name unreadably; too many at once
review           the proposals of an import as the policy takes them
"""

__all__ = [
    "absence_review",
    "bounds",
    "decisions",
    "findings",
    "listing_review",
    "open_findings",
    "review",
    "step_sizes",
    "term_classes",
]
