"""Pictures in a bucket of an S3-style store, over httpx, signed with AWS Signature Version 4.

Three calls are all that is needed of it: a client library would bring more code than this service has.
"""

import hashlib
import hmac
from collections.abc import Callable, Generator
from datetime import datetime

import httpx

from services.users.errors import AvatarsUnavailable
from services.users.settings import UsersSettings
from shared.chassis.clock import utcnow

TIMEOUT = httpx.Timeout(10.0, connect=2.0, pool=2.0)
_ALGORITHM = "AWS4-HMAC-SHA256"


class Signature(httpx.Auth):
    """Signs requests whose path is plain ASCII without query, which is what we send."""

    requires_request_body = True

    def __init__(
        self, *, access_key: str, secret_key: str, region: str, now: Callable[[], datetime] = utcnow
    ) -> None:
        self._access_key = access_key
        self._secret_key = secret_key
        self._region = region
        self._now = now

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the signature of the method, path, host, time and content."""
        moment = f"{self._now():%Y%m%dT%H%M%SZ}"
        content_hash = hashlib.sha256(request.content).hexdigest()
        signed = {
            "host": request.headers["host"],
            "x-amz-content-sha256": content_hash,
            "x-amz-date": moment,
        }
        request.headers.update(signed)
        request.headers["authorization"] = self._authorization(request, signed, moment)
        yield request

    def _authorization(self, request: httpx.Request, signed: dict[str, str], moment: str) -> str:
        names = ";".join(signed)
        headers = "".join(f"{name}:{value}\n" for name, value in signed.items())
        canonical = "\n".join(
            [request.method, request.url.path, "", headers, names, signed["x-amz-content-sha256"]]
        )
        scope = f"{moment[:8]}/{self._region}/s3/aws4_request"
        text = "\n".join([_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        signature = hmac.digest(self._key(scope), text.encode(), "sha256").hex()
        credential = f"Credential={self._access_key}/{scope}"
        return f"{_ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"

    def _key(self, scope: str) -> bytes:
        key = f"AWS4{self._secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key


class S3Store:
    """Objects in one bucket, by path-style URLs; an ``AvatarStore``."""

    def __init__(self, settings: UsersSettings) -> None:
        secret = settings.avatar_s3_secret_key
        self._client = httpx.Client(
            base_url=str(settings.avatar_s3_url).rstrip("/") + "/",
            auth=Signature(
                access_key=settings.avatar_s3_access_key or "",
                secret_key=secret.get_secret_value() if secret else "",
                region=settings.avatar_s3_region,
            ),
            timeout=TIMEOUT,
            trust_env=False,
            follow_redirects=False,
        )

    def put(self, name: str, content: bytes) -> None:
        """As the interface says."""
        self._send("PUT", name, content)

    def get(self, name: str) -> bytes | None:
        """As the interface says."""
        response = self._send("GET", name)
        return None if response.status_code == 404 else response.content

    def delete(self, name: str) -> None:
        """As the interface says."""
        self._send("DELETE", name)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _send(self, method: str, name: str, content: bytes = b"") -> httpx.Response:
        try:
            response = self._client.request(method, name, content=content)
        except httpx.HTTPError as error:
            raise AvatarsUnavailable from error
        if not response.is_success and not (response.status_code == 404 and method != "PUT"):
            raise AvatarsUnavailable from ValueError(f"{method} answered {response.status_code}")
        return response
