"""Every kernel explains its arguments: name, type and shape, unit and range.

Kernels have no annotations, so a docstring must say what an argument is: a block with an entry for each. Only these may do with a
sentence: helpers of one argument, and those of up to three that other kernels call and plain code does not.
"""

import ast
import functools
import re
from pathlib import Path

import pytest

import voxz

FOLDER = Path(voxz.__file__).parent
MODULES = {".".join(path.relative_to(FOLDER.parent).with_suffix("").parts): path for path in sorted(FOLDER.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}
FEW = 3
"""Arguments of a helper that kernels call and that may do with a sentence."""


def is_kernel(node: ast.AST) -> bool:
    decorators = [d.id for d in getattr(node, "decorator_list", []) if isinstance(d, ast.Name)]
    return isinstance(node, ast.FunctionDef) and not {"kernel", "inlined_kernel", "apart_kernel", "allocating_kernel"}.isdisjoint(
        decorators
    )


KERNELS = {
    (module, node.name): node
    for module, tree in TREES.items()
    for node in tree.body
    if isinstance(node, ast.FunctionDef) and is_kernel(node)
}


@functools.cache
def used_by_plain_code() -> set[tuple[str, str]]:
    """Kernels whose names stand anywhere but in kernels."""
    found = set()
    for module, tree in TREES.items():
        known = {name: (where, name) for where, name in KERNELS if where == module}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                known |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
        plain = [node for node in tree.body if not is_kernel(node)]
        names = {node.id for part in plain for node in ast.walk(part) if isinstance(node, ast.Name)}
        found |= {known[name] for name in names & known.keys()}
    return found & KERNELS.keys()


def explained(docstring: str) -> set[str]:
    """Names that the block of a docstring has entries for."""
    _, _, block = docstring.partition("Parameters\n----------\n")
    return {name for entry in re.findall(r"^(\w+(?:, \w+)*) : \S", block, re.MULTILINE) for name in entry.split(", ")}


@pytest.mark.parametrize(("module", "name"), KERNELS, ids=[f"{module.removeprefix('voxz.')}.{name}" for module, name in KERNELS])
def test_kernels_explain_their_arguments(module: str, name: str) -> None:
    kernel = KERNELS[module, name]
    docstring = ast.get_docstring(kernel)
    assert docstring
    arguments = [argument.arg for argument in kernel.args.args]
    if len(arguments) > (1 if (module, name) in used_by_plain_code() else FEW):
        missing = [argument for argument in arguments if argument not in explained(docstring)]
        assert not missing, f"add entries for {', '.join(missing)} to the docstring"


def test_kernels_are_found() -> None:
    assert len(KERNELS) > 200
    assert ("voxz.codecs.predictive.mixed.walk", "_rows") in used_by_plain_code()
    assert ("voxz.codecs.predictive.mixed.row_code", "scale_of") not in used_by_plain_code()
