"""What one operating-system process needs: workers on one port, file locks, disk and memory limits.

Nothing here knows what a snapshot is.
"""

__all__ = ["disk_space", "file_lock", "memory_limit", "private_files", "workers"]
