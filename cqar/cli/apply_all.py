"""An Apply of all or nothing, by the command line."""

from __future__ import annotations

from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin.connection import CallFailed, Connection


def applied(
    connection: Connection, request: pb.ApplyRequest, reason: str, what: str
) -> pb.ApplyResponse:
    """The answer.

    Args:
        what: What a finding about no field in particular is about.

    Raises:
        CallFailed: A rule is against it; says which.
    """
    answer: pb.ApplyResponse = connection.call(connection.admin.Apply, request, reason)
    against = [v for outcome in answer.outcomes for v in outcome.violations]
    if against:
        said = [f"{v.field or what}: {v.message}" for v in against]
        raise CallFailed("\n".join(said), "INVALID_ARGUMENT", against[0].reason)
    return answer
