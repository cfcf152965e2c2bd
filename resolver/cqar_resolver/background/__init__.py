"""Loops beside the answering: checkpoints, the published replica, and metrics of the state.

Each reads the replica's state and writes elsewhere. None changes what is served.
"""

__all__ = ["checkpoint_writer", "replica_publisher", "state_reporter"]
