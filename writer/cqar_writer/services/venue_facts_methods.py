"""The method of `RegistryAdmin` that tells how current what is said of venues is."""

from __future__ import annotations

from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_facts import VENUE_FACTS
from cqar_shared.errors import EntityNotFound, TooLarge
from cqar_shared.rpc.error_mapping import Context
from cqar_shared.rpc.request_limits import FILTERS_MAX
from cqar_writer.reads.sessions import Reads
from cqar_writer.services.rpc_methods import send_position


class VenueFactsMethods:
    """The method; `RegistryAdminService` joins it."""

    _reads: Reads

    async def ListVenueFacts(
        self, request: pb.ListVenueFactsRequest, context: Context
    ) -> pb.ListVenueFactsResponse:
        wanted = sorted(set(request.venue_ids))
        if len(wanted) > FILTERS_MAX:
            raise TooLarge(f"{len(wanted)} venues; at most {FILTERS_MAX}: split them")
        async with self._reads.begin() as reading:
            send_position(context, reading.position.epoch, reading.position.revision)
            if not wanted:
                page = await reading.page(VENUE_FACTS, [], request.page_size, request.page_token)
                return pb.ListVenueFactsResponse(
                    facts=page.messages, next_page_token=page.next_token
                )
            known = {venue.venue_id for venue in await reading.get_many(VENUE, wanted)}
            for venue_id in wanted:
                if venue_id not in known:
                    raise EntityNotFound(VENUE.name, venue_id)
            facts = await reading.get_many(VENUE_FACTS, wanted)
        return pb.ListVenueFactsResponse(facts=facts)
