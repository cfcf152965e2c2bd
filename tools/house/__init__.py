"""Checks names, faces and exits of the four components; `make check` runs it.

`source` reads all modules and `checks` judges them by the tables of `banned_names`. Tests are not
judged: they may use any module.
"""

__all__ = ["checks", "source"]
