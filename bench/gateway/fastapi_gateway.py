"""The usual Python gateway: FastAPI, one httpx.AsyncClient for the process, slowapi on Redis, PyJWT."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import jwt
from fastapi import FastAPI, HTTPException, Request
from fastapi.middleware.cors import CORSMiddleware
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.util import get_remote_address
from starlette.background import BackgroundTask
from starlette.responses import StreamingResponse

UPSTREAM, SECRET = os.environ["UPSTREAM"], os.environ["SECRET"]
limiter = Limiter(key_func=get_remote_address, storage_uri=os.environ["REDIS_URL"], headers_enabled=True)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with httpx.AsyncClient(base_url=UPSTREAM, limits=httpx.Limits(max_connections=256)) as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan)
app.state.limiter = limiter
app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)
app.add_middleware(CORSMiddleware, allow_origins=["https://app.example.org"], allow_credentials=True)


@app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
@limiter.limit("1000000/minute")
async def forward(request: Request, path: str) -> StreamingResponse:  # noqa: ARG001
    _scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        jwt.decode(token, SECRET, algorithms=["HS256"], audience="doorward", issuer="doorward")
    except jwt.PyJWTError as error:
        raise HTTPException(401) from error
    client: httpx.AsyncClient = request.app.state.client
    headers = [(name, value) for name, value in request.headers.raw if name != b"host"]
    outgoing = client.build_request(
        request.method, request.url.path, headers=headers, content=request.stream()
    )
    answer = await client.send(outgoing, stream=True)
    return StreamingResponse(
        answer.aiter_raw(),
        status_code=answer.status_code,
        headers=dict(answer.headers),
        background=BackgroundTask(answer.aclose),
    )
