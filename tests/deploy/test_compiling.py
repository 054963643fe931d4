"""Every module that is compiled for the gateway's image keeps to the rules of mypyc."""

import ast
import builtins
from collections.abc import Iterator
from functools import cache

import pytest

from deploy import compiling

# Bases that mypyc knows, and one of the standard library without attributes, which it takes.
KNOWN = {"typing.NamedTuple", "typing.Protocol", "asyncio.Protocol"}
COMPILED = compiling.names()
EVERY = {
    ".".join(path.relative_to(compiling.ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in compiling.PACKAGES
    for path in sorted((compiling.ROOT / package).rglob("*.py"))
}


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(EVERY[module].read_text())


def classes_of(module: str) -> Iterator[ast.ClassDef]:
    return (node for node in ast.walk(tree_of(module)) if isinstance(node, ast.ClassDef))


def bases_of(module: str, one: ast.ClassDef) -> list[str]:
    return [full_name(module, written) for written in one.bases]


@cache
def names_of(module: str) -> dict[str, str]:
    """What the module's own names stand for, with the module that each comes from."""
    names = {node.name: f"{module}.{node.name}" for node in classes_of(module)}
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.ImportFrom):
            names |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
        elif isinstance(node, ast.Import):
            names |= {one.asname or one.name: one.name for one in node.names}
    return names


def full_name(module: str, written: ast.expr) -> str:
    """A class as its whole name, whatever its parameters."""
    first, dot, rest = ast.unparse(written).partition("[")[0].partition(".")
    return names_of(module).get(first, first) + dot + rest


def is_compiled(name: str) -> bool:
    return name.rpartition(".")[0] in COMPILED


def is_exception(module: str, one: ast.ClassDef) -> bool:
    """Whether it is one by its bases: Python's own, or compiled ones that are."""
    return any(
        issubclass(getattr(builtins, base, object), BaseException) or is_compiled_exception(base)
        for base in bases_of(module, one)
    )


def is_compiled_exception(name: str) -> bool:
    module, _, own_name = name.rpartition(".")
    return is_compiled(name) and any(
        is_exception(module, one) for one in classes_of(module) if one.name == own_name
    )


@pytest.mark.parametrize("module", COMPILED)
def test_no_compiled_class_inherits_from_an_interpreted_one(module: str) -> None:
    wrong = [
        f"{module}.{one.name} inherits from {base}, which is interpreted: mypyc's classes cannot. "
        "Put it into a module of its own, or take this one out of deploy.compiling.MODULES"
        for one in classes_of(module)
        for base in bases_of(module, one)
        if not (is_compiled(base) or base in KNOWN or hasattr(builtins, base))
    ]

    assert wrong == []


def test_no_interpreted_class_inherits_from_a_compiled_one() -> None:
    wrong = [
        f"{module}.{one.name} is interpreted and inherits from {base}, which is compiled: it cannot. "
        "Take that module out of deploy.compiling.MODULES"
        for module in sorted(EVERY.keys() - set(COMPILED))
        for one in classes_of(module)
        for base in bases_of(module, one)
        if is_compiled(base)
    ]

    assert wrong == []


@pytest.mark.parametrize("module", COMPILED)
def test_no_compiled_class_is_made_by_pydantic(module: str) -> None:
    wrong = [
        f"{module}.{one.name} is a dataclass of pydantic's, which wants interpreted validators"
        for one in classes_of(module)
        for decorator in one.decorator_list
        if full_name(module, decorator).startswith("pydantic.")
    ]

    assert wrong == []


@pytest.mark.parametrize("module", COMPILED)
def test_no_compiled_function_is_an_asynchronous_generator(module: str) -> None:
    wrong = [
        f"{module}.{function.name} is an asynchronous generator, which mypyc does not know"
        for function in ast.walk(tree_of(module))
        if isinstance(function, ast.AsyncFunctionDef)
        and any(isinstance(node, ast.Yield) for node in ast.walk(function))
    ]

    assert wrong == []


@pytest.mark.parametrize("module", COMPILED)
def test_no_compiled_exception_has_attributes_of_its_class(module: str) -> None:
    wrong = [
        f"{module}.{one.name} is an exception with an attribute in its class, which mypyc does not give it"
        for one in classes_of(module)
        if is_exception(module, one)
        and any(isinstance(node, ast.Assign | ast.AnnAssign) and node.value for node in one.body)
    ]

    assert wrong == []


@pytest.mark.parametrize("module", COMPILED)
def test_no_compiled_finally_asks_for_the_type_of_a_variable(module: str) -> None:
    wrong = [
        f"{module}, line {node.lineno}: mypyc takes a variable in finally for what it was when the try "
        "ended well, and raises TypeError where it did not: ask in a function that is called there"
        for tried in ast.walk(tree_of(module))
        if isinstance(tried, ast.Try)
        for statement in tried.finalbody
        for node in ast.walk(statement)
        if isinstance(node, ast.If | ast.IfExp)
    ]

    assert wrong == []
