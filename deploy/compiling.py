"""The compiled form of the gateway, which its image runs: `python -m deploy.compiling TARGET`.

TARGET becomes a copy of the code in which MODULES, what every forwarded request runs through, are machine
code: mypyc, the compiler of mypy, makes a library of the unchanged sources. The sources stay beside it for
tracebacks. Nothing compiled lies in a checkout; `make up` and the tests of the gateway run the sources.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("deploy", "gateway", "services", "shared")
# In one library, within which calls are direct: as two, a request took a fifth more processor time.
# Which modules can be among them is said in docs/gateway.md and proved by tests/deploy/test_compiling.py.
MODULES = {
    "gateway": (
        *("access_log", "answer_body", "arrival", "attempt", "client_address", "edge", "exchange"),
        *("headers", "held_bodies", "measures", "messages", "pipeline", "proxy", "request_body"),
        *("route_search", "routing", "single_fields", "tally", "tokens", "tries"),
    ),
    "gateway.limits": ("counting", "fields", "limiter", "window"),
    "gateway.upstream": (
        *("balancing", "bodies", "breaker", "budget", "connection", "framing", "incoming", "pool"),
        "replicas",
    ),
    "shared.chassis": ("token_form", "tracing", "verified_tokens"),
    "shared.serving": (
        *("answerer", "body", "bounds", "connection", "conversation", "deadline", "head", "head_lines"),
        *("inbox", "intake", "outflow", "patience", "reply", "scopes", "waiting", "wire", "wsgi_call"),
    ),
}
# Runs in the copy. A module that was not compiled would be imported from its source, and nobody would notice.
_CHECK = """
import importlib, sys
for name in sys.argv[1:]:
    file = importlib.import_module(name).__file__
    if file.endswith(".py"):
        sys.exit(f"{name} is not compiled: it was imported from {file}")
"""


def names() -> list[str]:
    """What is compiled, as Python imports it."""
    return [f"{package}.{module}" for package, modules in MODULES.items() for module in modules]


def make_copy(target: Path) -> None:
    """Make ``target`` hold the code and its library; wants mypyc and a C compiler (CC).

    Raises FileExistsError where code is there already, and CalledProcessError where one of MODULES cannot be
    imported from the copy, or only from its source.
    """
    for package in PACKAGES:
        shutil.copytree(ROOT / package, target / package, ignore=shutil.ignore_patterns("__pycache__"))
    with _inside(target):
        _compile()
    shutil.rmtree(target / "build")
    subprocess.run([sys.executable, "-B", "-c", _CHECK, *names()], cwd=target, check=True)  # noqa: S603


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """mypyc and setuptools know the folder that they work in, and no other."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _compile() -> None:
    # Only whoever compiles has these; and setuptools has to come before mypyc.
    from setuptools import Distribution  # type: ignore[import-untyped]

    from mypyc.build import mypycify  # isort: skip

    # `make check` has judged the types, by the settings of pyproject.toml. A file for each module is quick to
    # compile; above -O2 nothing is gained.
    options = ["--config-file=", "--ignore-missing-imports", "--cache-dir=build/mypy"]
    paths = [name.replace(".", "/") + ".py" for name in names()]
    extensions = mypycify(
        [*options, *paths], opt_level="2", debug_level="0", multi_file=True, group_name="doorward"
    )
    distribution = Distribution({"name": "doorward", "ext_modules": extensions})
    command = distribution.get_command_obj("build_ext")
    command.inplace = True
    command.ensure_finalized()
    command.run()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path, help="the folder of the copy, which is made")
    make_copy(parser.parse_args().target.resolve())


if __name__ == "__main__":
    main()
