"""Deciding findings: who may, what follows, and what that would change.

- `deciding` makes the items of a decision.
- `preview` says which verdicts a change turns, and how many entities it changes.
"""

__all__ = ["deciding", "preview"]
