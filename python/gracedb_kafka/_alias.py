"""Standing in for ligo.gracedb."""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types

from gracedb_kafka import _reference

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


def install():
    """Puts our modules in the place of theirs; see install_as_ligo_gracedb()."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    for name in list(_OURS):
        sys.modules.pop(name, None)
    for name in [name for name in sys.modules if name.startswith("ligo.gracedb.kafka.")]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Finder())
    package = sys.modules.get("ligo.gracedb")
    for part in ("exceptions", "kafka", "rest"):
        if package is not None and hasattr(package, part):
            setattr(package, part, importlib.import_module(f"ligo.gracedb.{part}"))


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in _OURS:
            return importlib.util.spec_from_loader(name, _Stand_in(), is_package=name == "ligo.gracedb.kafka")
        if name.startswith("ligo.gracedb.kafka."):
            return _reference.find(name)
        if name in ("ligo", "ligo.gracedb") and not _reference.path_of_package(name):
            return importlib.util.spec_from_loader(name, _EmptyPackage(), is_package=True)
        return None


class _Stand_in(importlib.abc.Loader):
    """Gives our module for one of theirs: the same object under both names."""

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        sys.modules[module.__spec__.name] = importlib.import_module(_OURS[module.__spec__.name])


class _EmptyPackage(importlib.abc.Loader):
    """A package that holds nothing but our modules: ligo-gracedb is not installed."""

    def create_module(self, spec):
        return types.ModuleType(spec.name)

    def exec_module(self, module):
        module.__path__ = []
