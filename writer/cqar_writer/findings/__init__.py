"""Deciding findings: who may, what follows, and what that would change.

- `deciding` makes the items of a decision.
- `merging` makes those of a merge of assets, or the finding that waits for another person.
- `preview` says which verdicts a change turns, and how many entities it changes.
"""

__all__ = ["deciding", "merging", "preview"]
