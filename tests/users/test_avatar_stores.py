"""A folder and a real S3 server keep the same promises."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pydantic import HttpUrl, SecretStr

from services.users.avatars.s3 import S3Store, Signature
from services.users.avatars.stores import AvatarStore, FolderStore, store_of
from services.users.errors import AvatarsUnavailable
from services.users.settings import UsersSettings
from shared.chassis.testing.tokens import SECRET
from tests.users import seaweed

NAME = "0a" * 32 + "-512.webp"


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with seaweed.serving(tmp_path_factory.mktemp("seaweed")) as url:
        yield url


def settings(**values: object) -> UsersSettings:
    return UsersSettings(
        jwt_secret_key=SECRET,
        redis_url="redis://127.0.0.1:1/0",
        public_url="http://127.0.0.1:8080",
        database_url="postgresql://role:password@127.0.0.1:1/none",
        **values,
    )


def settings_of(bucket: str, secret_key: str = seaweed.SECRET_KEY) -> UsersSettings:
    return settings(
        avatar_s3_url=HttpUrl(bucket),
        avatar_s3_access_key=seaweed.ACCESS_KEY,
        avatar_s3_secret_key=SecretStr(secret_key),
    )


@contextmanager
def s3_store(bucket: str, secret_key: str = seaweed.SECRET_KEY) -> Iterator[S3Store]:
    with closing(S3Store(settings_of(bucket, secret_key))) as store:
        yield store


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AvatarStore]:
    if request.param == "folder":
        yield FolderStore(tmp_path / "avatars")
    else:
        with s3_store(request.getfixturevalue("bucket")) as store:
            yield store


def test_store_gives_back_what_was_put_until_it_is_deleted(store: AvatarStore) -> None:
    seen = [store.get(NAME)]
    for content in (b"first", b"second" * 1000):
        store.put(NAME, content)
        seen.append(store.get(NAME))
    for _ in range(2):
        store.delete(NAME)
    seen.append(store.get(NAME))

    assert seen == [None, b"first", b"second" * 1000, None]


def test_store_that_is_named_is_taken_and_none_is_none(bucket: str, tmp_path: Path) -> None:
    both = settings_of(bucket).model_copy(update={"avatar_folder": tmp_path})

    kinds = [type(store_of(chosen)) for chosen in (both, settings(avatar_folder=tmp_path), settings())]

    assert kinds == [S3Store, FolderStore, type(None)]


def test_bucket_that_refuses_us_is_unavailable(bucket: str) -> None:
    with s3_store(bucket, "another-key") as store, pytest.raises(AvatarsUnavailable):
        store.get(NAME)


@pytest.mark.parametrize("method", ["put", "get", "delete"])
def test_server_that_does_not_answer_is_unavailable(method: str) -> None:
    with s3_store("http://127.0.0.1:1/avatars") as store, pytest.raises(AvatarsUnavailable):
        getattr(store, method)(NAME, *([b"content"] if method == "put" else []))


def test_bucket_without_its_keys_stops_the_start() -> None:
    with pytest.raises(ValueError, match="USERS_AVATAR_S3_SECRET_KEY"):
        settings(avatar_s3_url=HttpUrl("https://s3.example.org/avatars"))


def test_signature_covers_method_path_time_and_content() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    auth = Signature(access_key="key", secret_key="secret", region="eu", now=lambda: moment)

    signatures = {
        next(auth.auth_flow(httpx.Request(method, url, content=content))).headers["authorization"]
        for method, url, content in [
            ("PUT", "https://s3.example.org/avatars/a", b"1"),
            ("GET", "https://s3.example.org/avatars/a", b"1"),
            ("PUT", "https://s3.example.org/avatars/b", b"1"),
            ("PUT", "https://s3.example.com/avatars/a", b"1"),
            ("PUT", "https://s3.example.org/avatars/a", b"2"),
        ]
    }

    assert len(signatures) == 5
    assert all("Credential=key/20260102/eu/s3/aws4_request" in signature for signature in signatures)
