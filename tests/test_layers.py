"""Imports point downward: routing and visualize build on arch, arch on nothing of ours, and qpilot on all of them."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {"arch": {"arch"}, "routing": {"routing", "arch"}, "visualize": {"visualize", "arch"}}


def imported_modules(source, package):
    """Yield the full name of everything a module imports, including inside functions and TYPE_CHECKING blocks."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*parents, *filter(None, [node.module])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def layers_imported(source, package):
    """Return which of our layers a module imports; its front end counts as "qpilot"."""
    found = set()
    for name in imported_modules(source, package):
        head, *rest = name.split(".")
        if head == "qpilot":
            found.add(rest[0] if rest and rest[0] in MAY_IMPORT else "qpilot")
    return found


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_layer_imports_point_downward(layer):
    modules = sorted((ROOT / layer).rglob("*.py"))
    assert modules
    for path in modules:
        package = ["qpilot", *path.relative_to(ROOT).parent.parts]
        upward = layers_imported(path.read_text(), package) - MAY_IMPORT[layer]
        assert not upward, f"{path.relative_to(ROOT)} imports {upward}"


@pytest.mark.parametrize(
    ("source", "layers"),
    [
        ("from ..arch import FPQA", {"arch"}),
        ("from ..arch.program import Move", {"arch"}),
        ("from .blocks import Gate", {"routing"}),
        ("from .. import canonical", {"qpilot"}),
        ("from ..compiler import compile", {"qpilot"}),
        ("def f():\n    import qpilot.visualize.frame", {"visualize"}),
        ("import numpy as np\nfrom qiskit import QuantumCircuit", set()),
    ],
)
def test_an_import_is_seen_for_what_it_is(source, layers):
    assert layers_imported(source, ["qpilot", "routing"]) == layers
