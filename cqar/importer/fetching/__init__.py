"""Asks venues for their answers by HTTP: one piece of code for `--live` and for the reconciler.

A venue is untrusted: an answer is bounded while it is read, comes from the host that was asked,
and whatever is wrong with it is an error that says what.

retry_after    what `Retry-After` says, in seconds
host_pacing    one request at a time to each host, at its pace, and none while it refuses
addresses      where a request goes: the venue, or what stands in its place
http_client    one answer: sent, bounded, tried again where that helps
venue_answers  all answers of a product line, page by page
"""

from cqar.importer.fetching.addresses import BaseUrls, base_url_problem
from cqar.importer.fetching.host_pacing import HostPacing
from cqar.importer.fetching.http_client import Fetched, FetchFailed, FetchResult, VenueHttp
from cqar.importer.fetching.retry_after import retry_after_s
from cqar.importer.fetching.venue_answers import Asking, LiveAnswers, fetch_all

__all__ = [
    "Asking",
    "BaseUrls",
    "FetchFailed",
    "FetchResult",
    "Fetched",
    "HostPacing",
    "LiveAnswers",
    "VenueHttp",
    "base_url_problem",
    "fetch_all",
    "retry_after_s",
]
