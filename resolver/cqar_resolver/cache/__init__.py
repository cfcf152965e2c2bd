"""Encoded answers, kept while what they were made from is unchanged.

Each change set invalidates the answers that depend on what it touches; if that is not known, a new
generation begins and all older answers are ignored. Pure.
"""

__all__ = ["answer_cache", "resolution_cache"]
