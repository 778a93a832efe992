"""Docstrings below attributes (PEP 258), which Python does not keep at run time."""

import ast
import inspect
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path


@cache
def _tree(file: str) -> ast.Module:
    return ast.parse(Path(file).read_text(encoding="utf-8"))


def attribute_docs(kind: type) -> Mapping[str, str]:
    """Maps each attribute to its docstring, of the class and its bases; the class takes
    precedence.
    """
    docs: dict[str, str] = {}
    for base in reversed(kind.__mro__[:-1]):
        file = inspect.getsourcefile(base) if not base.__module__.startswith(("pydantic", "builtins")) else None
        if file:
            docs.update(_docs_in(_tree(file), base.__name__))
    return docs


def _docs_in(tree: ast.Module, name: str) -> Mapping[str, str]:
    (body,) = [node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name] or [[]]
    docs = {}
    for field, following in pairwise(body):
        match field, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                docs[name] = text
    return docs
