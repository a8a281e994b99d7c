"""The ops of a .tflite that can be compiled: those that the modules of ops/ list in OPS.

A new module there is found automatically; no other file needs to list it.
"""

import functools
import importlib
import pkgutil
import types
from collections.abc import Mapping

from firmware_export.standalone import ops
from firmware_export.standalone.ops.shared.file_op import OpRule


@functools.cache
def rules() -> Mapping[str, OpRule]:
    """The rules of all modules in ops/, by the op's schema name."""
    names = sorted(module.name for module in pkgutil.iter_modules(ops.__path__) if not module.ispkg)
    found: dict[str, OpRule] = {}
    for name in names:
        module = importlib.import_module(f"{ops.__name__}.{name}")
        for rule in module.OPS:
            if rule.name in found:
                raise ValueError(f"{rule.name} has two rules, one of them in ops/{name}.py")
            found[rule.name] = rule
    return types.MappingProxyType(dict(sorted(found.items())))
