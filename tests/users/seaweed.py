"""A real S3 server for tests: SeaweedFS out of a wheel, on loopback, with one bucket and one pair of keys."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from services.users.avatars.s3 import Signature
from shared.chassis.testing.engines import free_port

ACCESS_KEY = "an-access-key"
SECRET_KEY = "a-secret-key"
BUCKET = "avatars"
PATIENCE_SECONDS = 60


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The URL of the bucket."""
    program = shutil.which("weed", path=str(Path(sys.executable).parent)) or "weed"
    identity = {
        "name": "doorward",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    free = [free_port() for _ in range(8)]
    ports = dict(zip(("master", "volume", "filer", "s3"), free[:4], strict=True))
    grpc = dict(zip(ports, free[4:], strict=True))
    command = [program, "server", "-s3", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    command += [f"-s3.config={folder / 's3.json'}", "-volume.max=4", "-master.volumeSizeLimitMB=16"]
    command += ["-master.telemetry=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    command += [f"-{name}.port={port}" for name, port in ports.items()]
    command += [f"-{name}.port.grpc={port}" for name, port in grpc.items()]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        url = f"http://127.0.0.1:{ports['s3']}/{BUCKET}"
        _make_bucket(url, process)
        yield url
    finally:
        process.kill()  # it takes its time to end in order
        process.wait()


def _make_bucket(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server makes the bucket."""
    auth = Signature(access_key=ACCESS_KEY, secret_key=SECRET_KEY, region="us-east-1")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        assert process.poll() is None, "the S3 server ended"
        try:
            if httpx.put(url, auth=auth, trust_env=False).is_success:
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline, "the S3 server makes no bucket"
        time.sleep(0.1)
