"""Orders that venues refused, as executors report them: counted, and evidence against a listing.

- `reject_reasons` reads a venue's own words.
- `counting` counts a report, and says whether there are enough.
- `doubting` plans the finding that they make.
"""

__all__ = ["counting", "doubting", "reject_reasons"]
