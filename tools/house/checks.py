"""The rules of the house: each is a function from all modules to what breaks it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Final

from tools.house.banned_names import MODULES, NAMES
from tools.house.source import COMPONENTS, Module, definitions

#: Where a process may be ended. Elsewhere an error is raised, such as `StartupError`.
PROGRAMS: Final = (
    *("__main__.py", "/program.py", "cqar/embedded/main.py", "cqar/embedded/launch.py"),
    "cqar/reconciler/console_script.py",
)
COMMAND_LINE: Final = "cqar/cli/"
EXITS: Final = ("SystemExit", "sys.exit")
#: Its names are the SDK's, imported when they are first used.
SDK: Final = "cqar"

Modules = Mapping[str, Module]


def findings(modules: Modules) -> list[str]:
    """What breaks a rule, as `file:line: what to do`."""
    rules = (banned_names, classes_named_twice, modules_named_twice, faces, private_imports, exits)
    return list(dict.fromkeys(finding for rule in rules for finding in rule(modules)))


def _product(modules: Modules) -> Iterator[Module]:
    return (module for module in modules.values() if module.component in COMPONENTS)


def banned_names(modules: Modules) -> Iterator[str]:
    for module in _product(modules):
        banned = NAMES[module.component] | NAMES[""]
        for line, name in definitions(module.tree.body):
            if name.lstrip("_") in banned:
                yield f"{module.path}:{line}: {name} is a banned name: say what it is"
        last = module.name.rpartition(".")[2]
        if last in MODULES[module.component]:
            yield f"{module.path}:1: {last} is a banned module name: use a noun for what is inside"


def classes_named_twice(modules: Modules) -> Iterator[str]:
    """Also a class elsewhere that has a name of the SDK."""
    homes: dict[str, str] = {}
    for module in sorted(_product(modules), key=lambda module: module.component != SDK):
        for node in module.tree.body:
            if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
                continue
            here = f"{module.path}:{node.lineno}"
            if (first := homes.setdefault(node.name, here)) != here:
                yield f"{here}: {first} has a public class {node.name}: rename one"
            elif module.component != SDK and node.name in (modules[SDK].public_names or ()):
                yield f"{here}: the SDK has the name cqar.{node.name}: rename this class"


def modules_named_twice(modules: Modules) -> Iterator[str]:
    homes: dict[tuple[str, str], str] = {}
    for module in _product(modules):
        last = module.name.rpartition(".")[2]
        if last == "__main__" or module.is_package:
            continue
        first = homes.setdefault((module.component, last), module.path)
        if first != module.path:
            yield f"{module.path}:1: {first} has this name in the same component: rename one"


def faces(modules: Modules) -> Iterator[str]:
    """Each package names its public modules, and each of them exists."""
    for module in _product(modules):
        if not module.is_package or module.name == SDK:
            continue
        if module.public_names is None or ast.get_docstring(module.tree) is None:
            yield f"{module.path}:1: say what it is for, and name its public modules in __all__"
        known = {name for *_, name in (*definitions(module.tree.body), *module.imports)}
        for name in module.public_names or ():
            if f"{module.name}.{name}" not in modules and name not in known:
                yield f"{module.path}:1: {name} in __all__ does not exist: take it out"


def private_imports(modules: Modules) -> Iterator[str]:
    for importer in modules.values():
        for line, target, name in importer.imports:
            full = f"{target}.{name}"
            *parts, last = (full if full in modules else target).split(".")
            for length, child in enumerate([*parts[1:], last], 1):
                package = modules.get(".".join(parts[:length]))
                if package is None or package.component not in COMPONENTS or package.name == SDK:
                    continue
                is_inside = f"{importer.name}.".startswith(f"{package.name}.")
                if not is_inside and child not in (package.public_names or ()):
                    said = f"{package.name}.{child} is private: use a public module, or make it one"
                    yield f"{importer.path}:{line}: {said} in {package.path}"


def exits(modules: Modules) -> Iterator[str]:
    for module in _product(modules):
        if module.path.endswith(PROGRAMS) or module.path.startswith(COMMAND_LINE):
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) in EXITS:
                yield f"{module.path}:{node.lineno}: only programs exit: raise a StartupError"
