"""Who may import whom: two houses, rooms in an order, and file tools without torch and OpenMMLab's packages."""

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest
from helpers import ROOT

#: Rooms of the library, the lowest first, with the files beside them below all.
ROOMS = ("reports", "data", "predictions", "runs", "tracking", "weights", "pipeline")
FREE_ROOMS = ROOMS[:4]
HEAVY = ("torch", "torchvision", "mmengine", "mmcv", "mmdet")

BLOCKED_IMPORT = """
import importlib, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {heavy}:
            raise ImportError("blocked: " + name)

sys.meta_path.insert(0, Blocker())
for name in {names}:
    importlib.import_module(name)
try:
    import torch
except ImportError:
    print("imported without torch")
"""


def modules(house: str) -> dict[str, ast.Module]:
    """Parse the modules of a house, by dotted name."""
    paths = sorted((ROOT / house).rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]
    return {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in zip(names, paths, strict=True)}


def imported(tree: ast.Module) -> Iterator[str]:
    """List what a module imports anywhere, functions included: ``a.b.c`` for ``from a.b import c``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(name: str) -> int:
    """Return a room's place in the order, the ground floor's being -1."""
    part = name.split(".")[1] if "." in name else ""
    return ROOMS.index(part) if part in ROOMS else -1


def test_the_library_imports_only_itself_and_no_higher_room():
    wrong = []
    for name, tree in modules("sortline").items():
        for target in imported(tree):
            top = target.partition(".")[0]
            if top in ("custom_modules", "tools", "viewer", "tests"):
                wrong.append(f"{name} imports {target}")
            elif top == "sortline" and room_of(target) > room_of(name):
                wrong.append(f"{name} imports {target} of a higher room")
    assert wrong == []


@pytest.mark.parametrize("house", ["sortline", "custom_modules"])
def test_no_circle(house):
    found = modules(house)
    needs = {}
    for name, tree in found.items():
        # A name that is no module is one that its module defines.
        targets = {target if target in found else target.rpartition(".")[0] for target in imported(tree)}
        needs[name] = {target for target in targets if target in found}
    while free := [name for name, wanted in needs.items() if not wanted]:
        for name in free:
            del needs[name]
        for wanted in needs.values():
            wanted.difference_update(free)
    assert needs == {}


def test_file_rooms_import_without_torch_and_openmmlab():
    rooms = tuple(f"sortline.{room}." for room in FREE_ROOMS)
    names = [name for name in modules("sortline") if f"{name}.".startswith(rooms) or name.count(".") == 1]
    names = [name for name in names if room_of(name) < len(FREE_ROOMS)]
    assert "sortline.predictions.score" in names
    code = BLOCKED_IMPORT.format(heavy=HEAVY, names=names)
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.stdout == "imported without torch\n", result.stderr


@pytest.mark.parametrize("tool", ["to_submission", "check_submission"])
def test_help_imports_neither_torch_nor_numpy(tool):
    code = f"""
import runpy, sys
sys.argv = ["{tool}.py", "--help"]
sys.path.insert(0, "tools")
try:
    runpy.run_path("tools/{tool}.py", run_name="__main__")
except SystemExit as stop:
    assert stop.code == 0
print(sorted(set({(*HEAVY, "numpy", "rich", "hotcoco")}) & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "example" in result.stdout
    assert result.stdout.splitlines()[-1] == "[]"
