"""The last good state on disk: an image, followed by the change sets since.

`checkpoint_format` is the form of the file, `file` reads and writes it, and `checkpoint_log` holds
the changes that wait to be appended. What is read is believed only under the integrity key.
"""

__all__ = ["checkpoint_format", "checkpoint_log", "file"]
