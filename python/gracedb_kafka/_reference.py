"""The parts of an installed ligo-gracedb that are not replaced here, whether or not its name is ours by now."""

import importlib.machinery
import importlib.util
import sys

_loaded: dict = {}


def path_of_package(name):
    """Where the modules of a package of ligo-gracedb lie; an empty list where it is not installed."""
    path = None
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        spec = importlib.machinery.PathFinder.find_spec(".".join(parts[:depth]), path)
        if spec is None or spec.submodule_search_locations is None:
            return []
        path = list(spec.submodule_search_locations)
    return path


def find(name):
    """The import spec of a module of ligo-gracedb; None where there is none."""
    package = name.rpartition(".")[0]
    path = path_of_package(package)
    return importlib.machinery.PathFinder.find_spec(name, path) if path else None


def module(name):
    """A module of ligo-gracedb itself; None where it is not installed or cannot be imported."""
    present = sys.modules.get(name)
    if present is not None and not present.__name__.startswith("gracedb_kafka"):
        return present
    if name not in _loaded:
        _loaded[name] = _load(name)
    return _loaded[name]


def attribute(module_name, name, own_module):
    """What `own_module` does not have, from the module that it stands for."""
    if not (name.startswith("__") and name.endswith("__")):
        other = module(module_name)
        if hasattr(other, name):
            return getattr(other, name)
    raise AttributeError(f"module {own_module!r} has no attribute {name!r}")


def _load(name):
    """Imports it beside its namesake in sys.modules, if there is one."""
    spec = find(name)
    if spec is None:
        return None
    made = importlib.util.module_from_spec(spec)
    try:
        importlib.import_module(name.rpartition(".")[0])
        spec.loader.exec_module(made)
    except ImportError:
        return None
    return made
