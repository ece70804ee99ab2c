"""Import ligo.gracedb from this package, and what this package lacks from an installed ligo-gracedb."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
import types
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder

_OURS = {
    "ligo.gracedb.exceptions": "gracedb_kafka.exceptions",
    "ligo.gracedb.kafka": "gracedb_kafka.kafka",
    "ligo.gracedb.kafka.auth": "gracedb_kafka.kafka.auth",
    "ligo.gracedb.kafka.consumer": "gracedb_kafka.kafka.consumer",
    "ligo.gracedb.kafka.exceptions": "gracedb_kafka.kafka.exceptions",
    "ligo.gracedb.kafka.producer": "gracedb_kafka.kafka.producer",
    "ligo.gracedb.kafka.schema": "gracedb_kafka.kafka.schema",
    "ligo.gracedb.kafka.utils": "gracedb_kafka.kafka.utils",
    "ligo.gracedb.rest": "gracedb_kafka.rest",
}

_reference_modules: dict[str, types.ModuleType | None] = {}


def install() -> None:
    """See install_as_ligo_gracedb()."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    for name in [name for name in sys.modules if name in _OURS or name.startswith("ligo.gracedb.kafka.")]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Finder())
    package = sys.modules.get("ligo.gracedb")
    for part in ("exceptions", "kafka", "rest"):
        if package is not None and hasattr(package, part):
            setattr(package, part, importlib.import_module(f"ligo.gracedb.{part}"))


def reference_module(name: str) -> types.ModuleType | None:
    """A module of ligo-gracedb, even if its name is an alias of ours; None if it cannot be imported."""
    imported = sys.modules.get(name)
    if imported is not None and not imported.__name__.startswith("gracedb_kafka"):
        return imported
    if name not in _reference_modules:
        _reference_modules[name] = _load_reference_module(name)
    return _reference_modules[name]


def reference_attribute(reference_name: str, name: str, own_module: str) -> object:
    """An attribute that `own_module` lacks, from its counterpart in ligo-gracedb."""
    if not (name.startswith("__") and name.endswith("__")):
        module = reference_module(reference_name)
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(f"module {own_module!r} has no attribute {name!r}")


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        if name in _OURS:
            return importlib.util.spec_from_loader(
                name, _AliasLoader(), is_package=name == "ligo.gracedb.kafka"
            )
        if name.startswith("ligo.gracedb.kafka."):
            return _find_reference_spec(name)
        if name in ("ligo", "ligo.gracedb") and not _package_path(name):
            return importlib.util.spec_from_loader(name, _EmptyPackageLoader(), is_package=True)
        return None


class _AliasLoader(importlib.abc.Loader):
    """Loads our module for one of ligo-gracedb: the same object under both names."""

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        assert module.__spec__ is not None
        sys.modules[module.__spec__.name] = importlib.import_module(_OURS[module.__spec__.name])


class _EmptyPackageLoader(importlib.abc.Loader):
    """Makes an empty package, if ligo-gracedb is not installed."""

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        return types.ModuleType(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        module.__path__ = []


def _package_path(name: str) -> list[str]:
    """The folders of a package of ligo-gracedb; empty if it is not installed."""
    path: list[str] | None = None
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:depth]), path)
        if spec is None or spec.submodule_search_locations is None:
            return []
        path = list(spec.submodule_search_locations)
    return path or []


def _find_reference_spec(name: str) -> ModuleSpec | None:
    path = _package_path(name.rpartition(".")[0])
    return PathFinder.find_spec(name, path) if path else None


def _load_reference_module(name: str) -> types.ModuleType | None:
    """Imports a module beside the one of the same name in sys.modules, if any."""
    spec = _find_reference_spec(name)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    try:
        importlib.import_module(name.rpartition(".")[0])
        spec.loader.exec_module(module)
    except ImportError:
        return None
    return module
