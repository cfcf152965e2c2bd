"""Reads what a reconciler keeps of venues' answers, beside it or after it: for audit and replay."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

import zstandard

from cqar.importer.readers.product_line import ProductLine, matching
from cqar.importer.saved_answers import DecodedAnswer, UnusableAnswer, decode
from cqar.importer.venue_round import Answers
from cqar.reconciler.answer_store import path_of
from cqar.reconciler.round_index import KeptAnswer, KeptRound, RoundIndex

#: Of an answer that is read back; the importer takes no larger one.
BYTES_MAX: Final = 256 * 1024 * 1024
_HASH: Final = re.compile(r"[0-9a-f]{64}")


class AnswerLost(UnusableAnswer):
    """An answer or a round is not kept, not any more, or not as it was."""


class KeptRounds:
    """The rounds of a state folder, to read."""

    def __init__(self, folder: Path, index: RoundIndex) -> None:
        self._folder = folder
        self._index = index

    @classmethod
    @contextmanager
    def opened(cls, folder: Path) -> Iterator[Self]:
        """Read a folder until the block ends.

        Raises:
            AnswerLost: The folder is no state folder of a reconciler.
        """
        try:
            index = RoundIndex.to_read(folder)
            index.count()
        except sqlite3.DatabaseError as error:
            raise AnswerLost(f"{folder} holds no answers of a reconciler: {error}") from error
        try:
            yield cls(folder, index)
        finally:
            index.close()

    def rounds(self, venue_id: str, limit: int) -> list[KeptRound]:
        """The newest rounds, of one venue or (empty) of all."""
        return self._index.rounds(venue_id, limit)

    def answers(self, round_id: int) -> list[KeptAnswer]:
        """A round's answers, in the order in which they came."""
        return self._index.answers(round_id)

    def round_of(self, venue_id: str, round_id: int | None) -> KeptRound:
        """A venue's round by its id, or its newest one that has answers.

        Raises:
            AnswerLost: There is none.
        """
        if round_id is not None:
            found = self._index.round(round_id)
            if found is None or found.venue_id != venue_id:
                raise AnswerLost(f"no round {round_id} of {venue_id} is kept")
            return found
        for one in self._index.rounds(venue_id):
            if self.answers(one.round_id):
                return one
        raise AnswerLost(f"no answers of {venue_id} are kept")

    def content(self, sha256: str) -> bytes:
        """An answer's bytes.

        Raises:
            AnswerLost: It is not there any more, or was altered.
        """
        if not _HASH.fullmatch(sha256):
            raise AnswerLost(f"{sha256[:80]!r} is no SHA-256 in hexadecimal")
        try:
            packed = path_of(self._folder, sha256).read_bytes()
            if zstandard.frame_content_size(packed) > BYTES_MAX:
                raise AnswerLost(f"the answer {sha256} has more than {BYTES_MAX} bytes")
            content = zstandard.ZstdDecompressor().decompress(packed, max_output_size=BYTES_MAX)
        except (OSError, zstandard.ZstdError) as error:
            raise AnswerLost(f"the answer {sha256} is not kept: {error}") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise AnswerLost(f"the file of the answer {sha256} was altered")
        return content

    def read_round(self, line: ProductLine, kept: KeptRound) -> Answers:
        """A round's answers, as the venue's reader takes them.

        Raises:
            AnswerLost: One of them is not kept any more.
        """
        listing: list[DecodedAnswer] = []
        tickers: list[DecodedAnswer] = []
        for answer in self.answers(kept.round_id):
            decoded = decode(answer.request, self.content(answer.sha256), answer.request)
            is_price = matching(answer.request, (*line.requests, *line.currency_requests)) is None
            (tickers if is_price else listing).append(decoded)
        return Answers(listing, tickers, dt.datetime.fromtimestamp(kept.at_s, dt.UTC))

    def export(self, kept: KeptRound, folder: Path) -> list[tuple[str, Path]]:
        """Write a round's answers into a folder: (request, its file) of each.

        Raises:
            AnswerLost: One of them is not kept any more.
            OSError: The folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for place, answer in enumerate(self.answers(kept.round_id)):
            name = re.sub(r"[^A-Za-z0-9]+", "_", answer.request).strip("_")[:80]
            path = folder / f"{place:02}_{name}.json"
            path.write_bytes(self.content(answer.sha256))
            written.append((answer.request, path))
        return written
