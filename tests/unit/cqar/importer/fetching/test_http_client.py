"""What a venue may do wrong to an answer, and what its error says; against a real HTTP server."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cqar.importer.fetching import FetchFailed, FetchResult, VenueHttp
from cqar.importer.fetching.host_pacing import HostPacing
from tests.support.venue_http import Asked, Said, VenueServer, venue_server

WHOLE = b'{"symbols": []}'
JSON = ("Content-Type", "application/json")


class World:
    """A server that says these one after another (the last one again), and a client that waits
    only on paper.
    """

    def __init__(self, server: VenueServer, http: VenueHttp, waited: list[float]) -> None:
        self.server = server
        self.http = http
        self.waited = waited
        self.results: list[FetchResult] = []

    def fails(self, path: str = "/a") -> FetchFailed:
        with pytest.raises(FetchFailed) as caught:
            self.http.fetch(self.server.url + path)
        return caught.value


@contextmanager
def saying(*said: Said, bytes_max: int = 10_000) -> Iterator[World]:
    waited: list[float] = []

    def answer(_: Asked) -> Said:
        return said[min(len(server.asked), len(said)) - 1]

    with venue_server(answer) as server:
        results: list[FetchResult] = []
        pacing = HostPacing(waited.append, interval_s=0.0)
        http = VenueHttp(pacing, results.append, waited.append, bytes_max)
        world = World(server, http, waited)
        world.results = results
        yield world
        http.close()


def test_an_answer_comes_as_its_bytes() -> None:
    with saying(Said(WHOLE)) as world:
        assert world.http.fetch(world.server.url + "/a?b=c").content == WHOLE
        assert (world.server.paths, world.results) == (["/a?b=c"], [FetchResult.OK])


def test_a_post_sends_its_query_as_json() -> None:
    with saying(Said(WHOLE)) as world:
        world.http.fetch(world.server.url + "/info", {"type": "meta"})
        assert world.server.asked == [Asked("POST", "/info", b'{"type": "meta"}')]


def test_a_compressed_answer_is_inflated() -> None:
    said = Said(gzip.compress(WHOLE), headers=(JSON, ("Content-Encoding", "gzip")))
    with saying(said) as world:
        assert world.http.fetch(world.server.url).content == WHOLE


def test_an_answer_larger_than_the_bound_is_refused_compressed_or_not() -> None:
    bomb = gzip.compress(b"[" + b" " * 1_000_000 + b"]")
    for said in (
        Said(b"[" + b" " * 20_000 + b"]"),
        Said(bomb, headers=(JSON, ("Content-Encoding", "gzip"))),
    ):
        with saying(said) as world:
            error = world.fails()
            assert (error.result, len(world.server.asked)) == (FetchResult.TOO_LARGE, 1)
            assert "more than 10000 bytes" in str(error)


def test_half_an_answer_is_asked_for_again_and_then_an_error_that_says_so() -> None:
    half = gzip.compress(WHOLE)[:-9]
    zipped = Said(half, headers=(JSON, ("Content-Encoding", "gzip")))
    for said in (Said(WHOLE[:5], cut=10), zipped):
        with saying(said) as world:
            error = world.fails()
            assert (error.result, len(world.server.asked)) == (FetchResult.CUT_OFF, 3)
            assert "broke off its answer" in str(error)
        with saying(said, Said(WHOLE)) as world:
            assert world.http.fetch(world.server.url).content == WHOLE


def test_a_web_page_is_no_answer_whatever_its_content_type() -> None:
    page = b"<!doctype html><title>Just a moment...</title>"
    for headers in ((JSON,), (("Content-Type", "text/html"),)):
        with saying(Said(page, headers=headers)) as world:
            error = world.fails()
            assert (error.result, len(world.server.asked)) == (FetchResult.NOT_JSON, 1)
            assert "a web page" in str(error)


def test_nothing_at_all_is_no_answer() -> None:
    with saying(Said(b"")) as world:
        assert "answers with nothing" in str(world.fails())


def test_an_encoding_that_was_not_asked_for_is_refused() -> None:
    with saying(Said(WHOLE, headers=(JSON, ("Content-Encoding", "br")))) as world:
        assert "encoding br" in str(world.fails())


def test_a_server_error_is_tried_three_times_with_growing_pauses() -> None:
    with saying(Said(b'{"msg": "busy"}', 503)) as world:
        error = world.fails()
        assert (error.result, len(world.server.asked)) == (FetchResult.SERVER_ERROR, 3)
        assert 'HTTP 503: {"msg": "busy"}' in str(error)
        first, second = world.waited
        assert 1.0 <= first <= 1.25
        assert 2.0 <= second <= 2.5


def test_what_is_refused_for_good_is_asked_for_once() -> None:
    with saying(Said(b'{"msg": "no such path"}', 404)) as world:
        error = world.fails()
        assert (error.result, len(world.server.asked)) == (FetchResult.REFUSED, 1)


def test_a_short_wait_that_the_venue_names_is_kept_to_here() -> None:
    limited = Said(b"{}", 503, (JSON, ("Retry-After", "3")))
    with saying(limited, Said(WHOLE)) as world:
        world.http.fetch(world.server.url)
        (waited,) = world.waited
        assert 3.0 <= waited <= 3.75


@pytest.mark.parametrize(("status", "header", "wait_s"), [(429, "90", 90), (418, None, 300)])
def test_a_host_that_refuses_is_left_alone_as_long_as_it_says(
    status: int, header: str | None, wait_s: float
) -> None:
    headers = (JSON, *((("Retry-After", header),) if header else ()))
    with saying(Said(b"{}", status, headers), Said(WHOLE)) as world:
        first, second = world.fails(), world.fails("/other")
        assert (first.result, first.retry_after_s) == (FetchResult.RATE_LIMITED, wait_s)
        assert second.result is FetchResult.RATE_LIMITED
        assert wait_s - 60 < (second.retry_after_s or 0) <= wait_s
        assert len(world.server.asked) == 1


def test_a_redirect_is_followed_on_the_same_host_only() -> None:
    def answer(asked: Asked) -> Said:
        where = {"/a": "/b", "/away": "https://elsewhere.example/b", "/loop": "/loop"}
        if asked.path in where:
            return Said(b"", 302, (("Location", where[asked.path]),))
        return Said(WHOLE)

    with venue_server(answer) as server:
        http = VenueHttp(HostPacing(interval_s=0.0))
        assert http.fetch(f"{server.url}/a").content == WHOLE
        with pytest.raises(FetchFailed, match=r"redirects to https://elsewhere\.example"):
            http.fetch(f"{server.url}/away")
        with pytest.raises(FetchFailed, match="redirects more than 3 times"):
            http.fetch(f"{server.url}/loop")
        with pytest.raises(FetchFailed, match="not followed"):
            http.fetch(f"{server.url}/a", {"type": "meta"})
        http.close()


def test_nobody_there_is_an_error_that_names_the_address() -> None:
    with venue_server(lambda _: Said()) as server:
        gone = server.url
    http = VenueHttp(HostPacing(interval_s=0.0), wait=lambda _: None)
    with pytest.raises(FetchFailed, match="cannot be reached") as caught:
        http.fetch(gone)
    assert caught.value.result is FetchResult.UNREACHABLE
    http.close()
