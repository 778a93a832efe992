"""A module that a string names exists: a rename that misses the string fails here, and not at run
time.
"""

import ast
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import pairwise

import pytest

from infra.stack.places import CHECKOUT

ROOTS = ("services", "shared", "schemas", "infra", "tests", "bench")


def named_modules(text: str) -> Iterator[str]:
    """The literal in `import_module("a.b")`, and the one after `"-m"` in a command."""
    if "import_module" not in text and "-m" not in text:
        return
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(func=ast.Name("import_module"), args=[ast.Constant(str() as name)]):
                yield name
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                yield from after_option(elements)
            case ast.Call(args=arguments):
                yield from after_option(arguments)


def after_option(elements: Sequence[ast.expr]) -> Iterator[str]:
    texts = [element.value if isinstance(element, ast.Constant) else None for element in elements]
    for option, name in pairwise(texts):
        if option == "-m" and isinstance(name, str):
            yield name


@pytest.mark.parametrize("root", ROOTS)
def test_a_named_module_exists(root: str) -> None:
    files = [path for path in (CHECKOUT / root).rglob("*.py") if "templates" not in path.parts]
    named = {(path, name) for path in files for name in named_modules(path.read_text())}
    assert [(path.relative_to(CHECKOUT), name) for path, name in named if not exists(name)] == []


def exists(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize(
    "text", ['import_module("waypost.absent")', '["python", "-m", "waypost.absent"]', 'run("-m", "waypost.absent")']
)
def test_an_absent_module_is_found(text: str) -> None:
    (name,) = named_modules(text)
    assert not exists(name)
