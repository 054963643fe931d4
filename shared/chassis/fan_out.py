"""One question to several services at once: what each answers, and None for one that does not in time.

For async views, each of which has an event loop of its own: so the client lives for one call. What is dear
about it is the TLS context, which is made once.
"""

import asyncio
import ssl
from collections.abc import Mapping
from functools import cache
from typing import TypeVar

import httpx
from pydantic import ValidationError

from shared.chassis import service_tokens, tracing
from shared.chassis.logs import get_logger
from shared.chassis.settings import ProcessSettings
from shared.contracts.internal import InternalBody

Body = TypeVar("Body", bound=InternalBody)

TIMEOUT = httpx.Timeout(2.0, connect=1.0)

log = get_logger(__name__)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


async def ask_all(
    settings: ProcessSettings,
    urls: Mapping[str, str],
    path: str,
    body: type[Body],
    *,
    process: str,
    transport: httpx.AsyncBaseTransport | None = None,
) -> dict[str, Body | None]:
    """What GET ``path`` answers at each of ``urls``, by the same names; None is a gap, never an error."""
    token = service_tokens.issue(settings, process=process)
    headers = {"Authorization": f"Bearer {token}", **tracing.current_headers()}
    async with httpx.AsyncClient(
        verify=_tls(), trust_env=False, timeout=TIMEOUT, headers=headers, transport=transport
    ) as client:
        questions = [_ask(client, name, url.rstrip("/") + path, body) for name, url in urls.items()]
        return dict(zip(urls, await asyncio.gather(*questions), strict=True))


async def _ask(client: httpx.AsyncClient, name: str, url: str, body: type[Body]) -> Body | None:
    try:
        response = await client.get(url)
        response.raise_for_status()
        return body.model_validate_json(response.content)
    except (httpx.HTTPError, ValidationError) as error:
        log.warning("service_left_a_gap", service=name, cause=repr(error))
        return None
