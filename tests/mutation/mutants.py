"""Mutants of the toolkit: each changes one place of one file. The operators are those of Cosmic
Ray, and one that removes a call.
"""

import ast
import difflib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import parso
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators import (
    boolean_replacer,
    break_continue,
    comparison_operator_replacement,
    exception_replacer,
    number_replacer,
    unary_operator_replacement,
    zero_iteration_for_loop,
)
from cosmic_ray.operators.operator import Example, Operator

from infra.stack.places import CHECKOUT, TOOLKIT

ROOMS = ("engine", "jobs", "kafka", "postgres")
"""Packages of the toolkit that keep the promises."""
EXCLUDED = ("migrations", "provisioning")


class RemoveCall(Operator):  # type: ignore[misc]  # Cosmic Ray is not annotated
    """Replaces a statement that is a call by `pass`, unless it is a line of the log."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        if node.type != "simple_stmt":
            return
        statement = node.children[0]
        is_call = statement.type in ("atom_expr", "power") and statement.children[-1].get_code().startswith("(")
        if is_call and not statement.get_code().strip().startswith("log."):
            yield statement.start_pos, statement.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        removed = node.children[0]
        node.children[0] = parso.parse(f"{removed.get_first_leaf().prefix}pass")  # type: ignore[no-untyped-call]
        return node

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example("commit(x)\n", "pass\n"), Example("await self.commit()\n", "pass\n"))


OPERATORS: Sequence[type[Operator]] = (
    *comparison_operator_replacement.operators(),
    boolean_replacer.AddNot,
    boolean_replacer.ReplaceAndWithOr,
    boolean_replacer.ReplaceOrWithAnd,
    boolean_replacer.ReplaceTrueWithFalse,
    boolean_replacer.ReplaceFalseWithTrue,
    break_continue.ReplaceBreakWithContinue,
    break_continue.ReplaceContinueWithBreak,
    exception_replacer.ExceptionReplacer,
    number_replacer.NumberReplacer,
    *(each for each in unary_operator_replacement.operators() if each.__name__.endswith("Delete_Not")),
    zero_iteration_for_loop.ZeroIterationForLoop,
    RemoveCall,
)


@dataclass(frozen=True, slots=True, order=True)
class Mutant:
    path: str
    """Relative to the checkout."""
    line: int
    operator: str
    occurrence: int
    """Number of the place among all places of the operator in the file."""

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.operator}#{self.occurrence}"

    def mutated(self, source: str) -> str:
        (operator,) = [each for each in OPERATORS if each.__name__ == self.operator]
        mutated = mutate_code(source, operator(), self.occurrence)
        if mutated is None:
            raise ValueError(f"{self} has no place in the file")
        return str(mutated)

    def difference(self, source: str) -> str:
        lines = difflib.unified_diff(
            source.splitlines(), self.mutated(source).splitlines(), self.path, n=1, lineterm=""
        )
        return "\n".join(list(lines)[2:])


def mutants_of(path: str, source: str) -> Sequence[Mutant]:
    tree, in_functions = get_ast(source), set(_lines_of_functions(source))
    return [
        Mutant(path, start[0], operator.__name__, occurrence)
        for operator in OPERATORS
        for occurrence, (start, _) in enumerate(
            place for node in ast_nodes(tree) for place in operator().mutation_positions(node)
        )
        # A limit or a pause may have another value.
        if operator is not number_replacer.NumberReplacer or start[0] in in_functions
    ]


def all_mutants() -> Sequence[Mutant]:
    return [mutant for path in _files() for mutant in mutants_of(path, (CHECKOUT / path).read_text())]


def sample(mutants: Sequence[Mutant], number: int, seed: int) -> Sequence[Mutant]:
    """The files and the seed decide the sample."""
    return random.Random(seed).sample(sorted(mutants), min(number, len(mutants)))  # noqa: S311 - not a secret


def _lines_of_functions(source: str) -> Iterator[int]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from range(node.body[0].lineno, (node.end_lineno or 0) + 1)


def _files() -> Iterator[str]:
    for room in ROOMS:
        for path in sorted((TOOLKIT / "waypost" / room).rglob("*.py")):
            if not set(EXCLUDED) & set(path.parts):
                yield Path(path).relative_to(CHECKOUT).as_posix()
