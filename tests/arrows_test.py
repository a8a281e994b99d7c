"""The directions of imports that DESIGN.md and BUILD_NOTES.md draw, held by reading the sources.

Every import counts: at the top of a file, inside a function, under TYPE_CHECKING.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tflite_model", "firmware_export", "edge_tf", "pipelines")
# A room imports from rooms to its left only. What is not listed is a module that stands alone.
FLOORS = {
    "": ("tflite_model", "firmware_export", "edge_tf", "pipelines"),
    "edge_tf": (
        *("errors", "files", "arrays", "records", "progress", "instance_statistics", "audio"),
        *("settings", "run_records", "run_dir", "data", "fewshot"),
        *("layers", "models", "training", "conversion", "compression"),
        *("engines", "android", "evaluation"),
    ),
    "edge_tf.evaluation": ("metrics", "hops", "layers", "streams", "comparing", "cost", "report"),
}


def _module(path: Path) -> str:
    name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    return name.removesuffix(".__init__")


SOURCES = {_module(path): path for top in PACKAGES for path in sorted((ROOT / top).rglob("*.py"))}


def _imports(module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(SOURCES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in SOURCES)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: write imports in full"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in SOURCES else node.module or "" for name in whole)


ARROWS = {
    module: {name for name in _imports(module) if name in SOURCES and name != module}
    for module in SOURCES
}


def _circle(arrows: dict[str, set[str]]) -> list[str]:
    """Some names that import each other in a circle; [] if there are none."""
    done: set[str] = set()

    def search(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for other in sorted(arrows.get(name, ())):
            if found := search(other, [*path, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(arrows) if (found := search(name, []))), [])


def _rooms(inside: str) -> dict[str, set[str]]:
    """Arrows between what lies directly in a package: its sub-packages and modules."""

    def room(module: str) -> str:
        rest = module.removeprefix(f"{inside}.") if inside else module
        return rest.split(".")[0]

    mine = {module for module in SOURCES if not inside or module.startswith(f"{inside}.")}
    rooms: dict[str, set[str]] = {room(module): set() for module in mine}
    for module in mine:
        rooms[room(module)] |= {room(other) for other in ARROWS[module] & mine}
    return {name: others - {name} for name, others in rooms.items()}


def test_no_two_modules_import_each_other():
    assert _circle(ARROWS) == []


def test_no_two_packages_import_each_other():
    packages = {name.rpartition(".")[0] for name in SOURCES} | {""}
    found = {package: _circle(_rooms(package)) for package in sorted(packages)}
    assert {package: circle for package, circle in found.items() if circle} == {}


def test_imports_go_one_way():
    upwards = []
    for package, floors in FLOORS.items():
        for room, others in _rooms(package).items():
            upwards += [
                f"{package}: {room} -> {other}"
                for other in others
                if room in floors and other in floors and floors.index(other) > floors.index(room)
            ]
    assert upwards == []


def test_what_is_quick_to_start_imports_no_tensorflow():
    for module in SOURCES:
        if module.split(".")[0] in ("tflite_model", "firmware_export"):
            text = SOURCES[module].read_text(encoding="utf-8")
            roots = {
                name.split(".")[0]
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.Import | ast.ImportFrom)
                for name in (
                    [alias.name for alias in node.names]
                    if isinstance(node, ast.Import)
                    else [node.module or ""]
                )
            }
            assert not roots & {"tensorflow", "tf_keras", "edge_tf", "pipelines"}, module


def test_a_circle_would_be_seen():
    assert _circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert _circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
