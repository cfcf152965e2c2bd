"""What one resolver, one commit and one entity cost what is shared. Each says where it is from.

CPU is of one core of the machine named in loadtests/README.md (2 slow cores, busy with other work:
CPU time, not elapsed). Measured 25 November 2026 on a stack of `cqar up`, less what it takes idle.
"""

from __future__ import annotations

from typing import Final

#: 45,800 probes, a hundred at once, in 12 s: CPU time of each process, by /proc. So many at once
#: share one read of the head (writer/cqar_writer/database/head.py); at 10,000 a second they do.
WRITER_US_A_PROBE: Final = 43.0
NATS_US_A_PROBE: Final = 7.4
POSTGRES_US_A_PROBE: Final = 3.7
#: 200 pull consumers over 20 connections for 15 s: the heartbeat that each gets, and the pull
#: request that each renews, once a second (writer/cqar_writer/relays/change_relay.py,
#: shared/cqar_shared/messaging/jetstream.py).
NATS_US_A_FOLLOWER_SECOND: Final = 93.0
#: A heartbeat as stored, and a writer's answer to a probe.
HEARTBEAT_BYTES: Final = 81
ANSWER_BYTES: Final = 77
#: What NATS and TCP put around a message: subject, reply, sizes, headers. Assumed, not measured.
AROUND_BYTES: Final = 200

#: Settings' defaults: resolver/cqar_resolver/config.py,
#: resolver/cqar_resolver/replication/follower.py, writer/cqar_writer/relays/change_relay.py.
PROBES_A_SECOND: Final = 1.0
STREAM_CHECKS_A_SECOND: Final = 0.2
HEARTBEATS_A_SECOND: Final = 1.0
HYDRATE_CONCURRENCY: Final = 8

#: Payload, key and kind in `current` of the catalogue's first version: 629 entities, 104,575 bytes.
BYTES_AN_ENTITY: Final = 166
#: 35,500 listings by a cursor of 5,000 rows: 2.5 to 4.4 us; a resolver holds its turn that long.
SCAN_US_AN_ENTITY: Final = 4.4
