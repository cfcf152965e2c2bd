"""`cqar-migrate upgrade [REVISION]`, which may be installed without the packages that it needs."""

from __future__ import annotations

from cqar_shared.runtime import optional_extras


def main() -> None:
    optional_extras.run("cqar_writer.migrations.program:run", "writer")


if __name__ == "__main__":
    main()
