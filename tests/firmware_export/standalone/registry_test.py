"""Ops are found by themselves: a module in ops/ is all that names them."""

import importlib
import pkgutil

import pytest

from firmware_export.standalone import ops, registry
from firmware_export.standalone.graph import ir


def test_every_module_is_found():
    names = [module.name for module in pkgutil.iter_modules(ops.__path__) if not module.ispkg]
    modules = [importlib.import_module(f"{ops.__name__}.{name}") for name in names]
    listed = {rule.name: rule for module in modules for rule in module.OPS}
    assert registry.rules() == listed
    assert {"ADD", "CONV_2D", "LEAKY_RELU", "RSQRT"} <= set(listed)


def test_names_are_those_of_the_schema():
    for name, rule in registry.rules().items():
        assert rule.name == name and rule.version >= 1
    assert list(registry.rules()) == sorted(registry.rules())


def test_two_rules_for_one_op_are_refused(monkeypatch):
    from firmware_export.standalone.ops import mul

    monkeypatch.setattr(mul, "OPS", mul.OPS * 2)
    registry.rules.cache_clear()
    try:
        with pytest.raises(ValueError, match="MUL has two rules"):
            registry.rules()
    finally:
        registry.rules.cache_clear()


def test_an_op_without_kernels_cannot_be_made():
    tensor = ir.Tensor("t", (1, 4))
    with pytest.raises(TypeError, match="abstract"):
        ir.Op([tensor], tensor, "op 9 X")  # type: ignore[abstract]
