"""PocketBase as it comes: one process with SQLite in it. Nothing of this is a server; it fills the tables.

`python pocketbase_site.py PROGRAM prepare` prints what the clients begin with, as JSON; with `serve` it
becomes the server.
"""

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import bcrypt
import httpx

PASSWORD = "plum-harbour-93-kettle"
BCRYPT_COST = 10  # PocketBase's own
FILL = """
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
    INSERT INTO users (id, email, emailVisibility, verified, password, tokenKey, name, avatar,
                       created, updated)
    SELECT printf('user%011d', n), 'user' || n || '@example.org', false, true, ?, printf('%050d', n),
           'Ada', '', datetime('now'), datetime('now')
    FROM numbers
"""


def command(program: str) -> list[str]:
    """The server on its port, its data in the benchmark's folder."""
    address = f"127.0.0.1:{os.environ['BENCH_PORT']}"
    folder = str(Path(os.environ["BENCH_FOLDER"]) / "pocketbase")
    return [program, "serve", "--http", address, "--dir", folder]


def prepare(program: str, accounts: int, clients: int) -> None:
    """Users, and the tokens of the first."""
    folder = Path(os.environ["BENCH_FOLDER"]) / "pocketbase"
    subprocess.run([program, "migrate", "up", "--dir", str(folder)], check=True, capture_output=True)
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(BCRYPT_COST)).decode()
    with closing(sqlite3.connect(folder / "data.db")) as database, database:
        database.execute(FILL, (accounts, hashed))
        database.execute("ANALYZE")
    server = subprocess.Popen(command(program), stdout=subprocess.DEVNULL)
    try:
        _wait()
        tokens = [_sign_in(number)["token"] for number in range(1, clients + 1)]
    finally:
        server.terminate()
        server.wait()
    signing_in = [[number, clients] for number in range(1, clients + 1)]
    print(json.dumps({"refresh": tokens, "sign in": signing_in}))


def _wait() -> None:
    for _ in range(600):
        try:
            httpx.get(_url("health"), timeout=1)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("PocketBase does not answer")


def _sign_in(number: int) -> dict[str, str]:
    body = {"identity": f"user{number}@example.org", "password": PASSWORD}
    answer = httpx.post(_url("collections/users/auth-with-password"), json=body).raise_for_status()
    found: dict[str, str] = answer.json()
    return found


def _url(path: str) -> str:
    return f"http://127.0.0.1:{os.environ['BENCH_PORT']}/api/{path}"


if __name__ == "__main__":
    pocketbase = sys.argv[1]
    if sys.argv[2:] == ["prepare"]:
        prepare(pocketbase, int(os.environ["BENCH_ACCOUNTS"]), int(os.environ["BENCH_CLIENTS"]))
    else:
        os.execv(pocketbase, command(pocketbase))  # noqa: S606
