"""What decides how a device-day model computes its rows, as one hash."""

import ast
import functools
import hashlib
import re
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

MARK = re.compile(r"/\*\[ (.*?) \]\*/", re.DOTALL)
"""Opens what a macro imports, and says what; `/*[ end ]*/` closes it."""

NOTHING_SAID = re.compile(
    r"('(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")|(?:\s|--[^\n]*|/\*.*?\*/)+", re.DOTALL
)
"""Comments and white space, or a quoted text, in which nothing is either."""

ONE_PARSES = threading.Lock()
"""Python 3.11 fails now and then where two threads parse at once (its issue 106905)."""


def imported_columns(code: str) -> list[str]:
    """Return the columns of the days that a compiled model asks for, sorted."""
    found: set[str] = set()
    for said in MARK.findall(code):
        kind, *names = said.split()
        if kind == "days":
            found.update(names)
    return sorted(found)


def code_version(model: dict[str, Any], code: str, project_root: Path) -> str:
    """Hash everything that decides what a model computes from its input.

    Args:
        model: the node, as Jinja's `model` has it.
        code: its compiled code, with macros, vars and ephemeral models written out.
        project_root: Python modules below this folder are the project's own.

    Returns:
        The md5 of the code without comments, white space and what the macros of the
        house write for the imports, of the names of these imports, of the config that
        says what is read beside a day, of the columns, and of the project's own Python
        modules that a Python model imports, also through others.
    """
    if model["language"] == "python":
        parts = [code, *module_sources(code, project_root)]
    else:
        parts = [_without_comments(_without_imports(code))]
    config = model["config"]
    parts += [f"{name}={config.get(name)!r}" for name in ("beside", "border", "days")]
    parts += [f"{c['name']} {c.get('data_type')}" for c in model["columns"].values()]
    return hashlib.md5("\0".join(parts).encode(), usedforsecurity=False).hexdigest()


def _without_imports(code: str) -> str:
    kept, depth, position = [], 0, 0
    for mark in MARK.finditer(code):
        is_end = mark[1] == "end"
        if not depth:
            kept.append(code[position : mark.start()])
            if not is_end:
                # Quoted, not to be taken for a comment.
                kept.append(f"'{mark[1]}'")
        depth += -1 if is_end else 1
        position = mark.end()
    return "".join([*kept, code[position:]])


def _without_comments(code: str) -> str:
    return NOTHING_SAID.sub(lambda m: m[1] or " ", code).strip()


@functools.cache
def module_sources(code: str, project_root: Path) -> tuple[str, ...]:
    """Return the project's own modules that code imports, also through others."""
    found: dict[str, str] = {}
    ahead = [code]
    while ahead:
        for name in _imported_modules(ahead.pop()):
            if name in found:
                continue
            file = _file_of(name)
            if file is None or not _is_own(file, project_root):
                continue
            found[name] = file.read_text("utf-8")
            ahead.append(found[name])
    return tuple(f"{name}\0{found[name]}" for name in sorted(found))


def _is_own(file: Path, project_root: Path) -> bool:
    return (
        file.suffix == ".py"
        and file.is_relative_to(project_root)
        and "site-packages" not in file.parts
    )


def _imported_modules(code: str) -> Iterator[str]:
    with ONE_PARSES:
        tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@functools.cache
def _file_of(module: str) -> Path | None:
    """Find a module's file; `find_spec` of `a.b` would import `a`, pandas with it."""
    package, *names = module.split(".")
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not names:
        return Path(spec.origin) if spec.origin and spec.has_location else None
    for folder in spec.submodule_search_locations or ():
        place = Path(folder, *names)
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                return file
    return None
