"""The last good state on disk: an image, followed by the change sets since.

`checkpoint_format` is the form of the file; `checkpoint_file` reads and writes it. What is read is
believed only under the integrity key.
"""

__all__ = ["checkpoint_file", "checkpoint_format"]
