"""A writer that publishes the image as `ImagePublisher` does; the real core says when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Final

from cqc.replication.v1 import replication_pb2

from cqar_shared.redis_store.cache import Unavailable
from cqar_shared.redis_store.image_store import ImageStore
from cqar_shared.replication import image
from cqar_writer.protocol import image_schedule
from cqar_writer.protocol.log_rows import head_message
from cqar_writer.relays.image_publisher import complete_image
from tests.protocol.database import KIND
from tests.protocol.ledger import State
from tests.protocol.pausing import Away, again_and_again, pause
from tests.protocol.stream import Stream
from tests.protocol.writer_database import WriterDatabase

#: So small that a schedule publishes several times.
REVISIONS_APART: Final = 2
APART: Final = dt.timedelta(seconds=10)


class ImagePublisher:
    """No lock keeps two writers from publishing at once: only the comparison must.

    Args:
        fresh_publication: Names a publication, as no other is named.
    """

    def __init__(
        self,
        database: WriterDatabase,
        stream: Stream,
        images: ImageStore,
        clock: Callable[[], float],
        fresh_publication: Callable[[], str],
    ) -> None:
        self._database = database
        self._stream = stream
        self._images = images
        self._clock = clock
        self._fresh_publication = fresh_publication

    async def run(self) -> None:
        await again_and_again(self._step, Away, Unavailable)

    async def _step(self) -> None:
        seen = await self._images.manifest()
        found = await complete_image(self._images, seen)
        mark = self._stream.noted()
        await pause()
        connection, row = self._database.read()
        head, state = head_message(row), connection.server.state()
        now = dt.datetime.fromtimestamp(self._clock(), dt.UTC)
        if not image_schedule.is_due(
            found, head, now, revisions_apart=REVISIONS_APART, apart=APART
        ):
            return
        place, publication = image.place_of(mark), self._fresh_publication()
        manifest = replication_pb2.Image(head=head, stream=place, publication=publication)
        manifest.made_at.FromDatetime(now)
        for chunk in _chunks(state):
            await self._images.put(manifest.publication, len(manifest.chunk_hashes), chunk)
            manifest.chunk_hashes.append(image.hash_of_chunk(chunk))
        await self._images.switch(seen, manifest)


def _chunks(state: State) -> Iterator[bytes]:
    """As if an entity were as many as PostgreSQL is asked for at once."""
    for key, payload in state.items():
        yield from image.chunks_of([(KIND, key, payload)])
