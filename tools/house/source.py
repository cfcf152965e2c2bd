"""Reads modules: what each defines, imports and names as public."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: Package -> its folder; and packages that only use these.
COMPONENTS: Final = {
    "cqar_shared": "shared/cqar_shared",
    "cqar_writer": "writer/cqar_writer",
    "cqar_resolver": "resolver/cqar_resolver",
    "cqar": "cqar",
}
USERS: Final = ("tools", "bench", "loadtests")


@dataclass(frozen=True)
class Module:
    """A parsed module; `path` is relative to the repository, `public_names` its `__all__`."""

    name: str
    path: str
    tree: ast.Module
    public_names: tuple[str, ...] | None

    @property
    def component(self) -> str:
        return self.name.partition(".")[0]

    @property
    def is_package(self) -> bool:
        return self.path.endswith("__init__.py")

    @property
    def imports(self) -> Iterator[tuple[int, str, str]]:
        """Yield (line, module, name); the name is empty for `import module`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                yield from ((node.lineno, node.module, alias.name) for alias in node.names)
            elif isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name, "") for alias in node.names)


def definitions(body: list[ast.stmt]) -> Iterator[tuple[int, str]]:
    """Yield (line, name) of classes, functions, methods, attributes and constants."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield node.lineno, node.name
            yield from definitions(node.body)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.name
            for inner in ast.walk(node):
                if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store):
                    yield inner.lineno, inner.attr
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((node.lineno, t.id) for t in targets if isinstance(t, ast.Name))


def read_module(name: str, path: str, text: str) -> Module:
    tree, public = ast.parse(text), None
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            public = tuple(ast.literal_eval(node.value))
    return Module(name, path, tree, public)


def read_modules(root: Path) -> dict[str, Module]:
    """All modules of the components and of those that use them, by name."""
    found: dict[str, Module] = {}
    for top, folder in (COMPONENTS | {name: name for name in USERS}).items():
        for path in sorted((root / folder).rglob("*.py")):
            inner = path.relative_to(root / folder).with_suffix("")
            name = ".".join([top, *inner.parts]).removesuffix(".__init__")
            text = path.read_text(encoding="utf-8")
            found[name] = read_module(name, str(path.relative_to(root)), text)
    return found
