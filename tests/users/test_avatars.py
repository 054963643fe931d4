"""Pictures: what comes from outside is made harmless, shown, and gone when nobody shows it."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from services.users.avatars import decoder, removal
from services.users.avatars.stores import FolderStore
from services.users.departures import erasure
from services.users.departures.erasure import Departure
from services.users.deps import Deps
from services.users.errors import AvatarsUnavailable
from services.users.models import Avatar, db
from services.users.settings import UsersSettings
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.contracts.messages import AccountDeleted
from tests.users import pictures
from tests.users.conftest import FakeAccounts, Headers
from tests.users.pictures import picture

ME = "/api/v1/users/me"
AVATAR = f"{ME}/avatar"
LATER = timedelta(hours=2)
# A small process starts the decoder: what a child takes is counted from its parent's size on.
MEASURE = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-I", sys.argv[1]], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_maxrss, used.ru_utime)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "avatars"


@pytest.fixture
def app(
    make_app: Callable[..., Flask], settings: UsersSettings, accounts: FakeAccounts, folder: Path
) -> Flask:
    return make_app(settings, deps=Deps(accounts=accounts, avatars=FolderStore(folder)))


@pytest.fixture
def ada(accounts: FakeAccounts, as_account: Headers) -> dict[str, str]:
    """The headers of somebody with an account."""
    return as_account(accounts.add().id)


def upload(client: FlaskClient, headers: dict[str, str], content: bytes) -> str:
    """The path of the picture."""
    answer = client.put(AVATAR, headers=headers, data=content, content_type="image/png")
    assert answer.status_code == 200, answer.json
    assert client.get(ME, headers=headers).json["avatar_url"] == answer.json["avatar_url"]
    return urlsplit(answer.json["avatar_url"]).path


def sweep(app: Flask) -> int:
    with app.app_context():
        return removal.sweep(utcnow() + LATER)


@pytest.mark.parametrize(
    "content",
    [
        picture("PNG"),
        picture("PNG", mode="P"),
        picture("PNG", mode="LA"),
        picture("PNG", mode="I;16"),
        picture("JPEG", (3000, 2000)),
        picture("JPEG", mode="CMYK"),
        picture("WEBP", mode="RGBA"),
        pictures.animation("GIF"),
        pictures.animation("WEBP"),
        pictures.animation("PNG"),
        picture("PNG", (1, 1)),
        picture("PNG", (1, 600)),
    ],
    ids=[
        "png", "palette", "grey with alpha", "16 bit", "large jpeg", "cmyk", "webp",
        "gif animation", "webp animation", "png animation", "one pixel", "line",
    ],
)  # fmt: skip
def test_picture_is_shown_square_in_two_sizes(
    client: FlaskClient, ada: dict[str, str], content: bytes
) -> None:
    path = upload(client, ada, content)

    large, small = client.get(path), client.get(f"{path}?size=96")

    images = [Image.open(BytesIO(answer.data)) for answer in (large, small)]
    assert [(image.format, getattr(image, "n_frames", 1)) for image in images] == [("WEBP", 1)] * 2
    assert all(image.width == image.height for image in images)
    assert images[0].width <= 512
    assert images[1].width == min(96, images[0].width)


def test_picture_is_served_as_what_nobody_runs_and_everybody_keeps(
    client: FlaskClient, ada: dict[str, str]
) -> None:
    path = upload(client, ada, picture())

    answer = client.get(path)

    assert answer.content_type == "image/webp"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    ("orientation", "red", "blue"), [(1, (5, 20), (35, 20)), (6, (20, 5), (20, 35)), (3, (35, 20), (5, 20))]
)
def test_photograph_is_upright_and_says_nothing_of_where_it_was_taken(
    client: FlaskClient,
    ada: dict[str, str],
    orientation: int,
    red: tuple[int, int],
    blue: tuple[int, int],
) -> None:
    content = pictures.photograph(orientation)
    assert pictures.SECRET_PLACE in content

    shown = client.get(upload(client, ada, content)).data

    image = Image.open(BytesIO(shown)).convert("RGB")
    assert image.getpixel(red)[0] > 200 > 50 > image.getpixel(red)[2]
    assert image.getpixel(blue)[2] > 200 > 50 > image.getpixel(blue)[0]
    assert pictures.SECRET_PLACE not in shown
    assert not {b"EXIF", b"XMP ", b"ICCP"} & {shown[start : start + 4] for start in range(len(shown))}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_of_a_polyglot_only_the_picture_is_left(client: FlaskClient, ada: dict[str, str], kind: str) -> None:
    path = upload(client, ada, pictures.polyglot(kind))

    assert pictures.SCRIPT not in client.get(path).data + client.get(f"{path}?size=96").data


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 415),
        (pictures.svg(), 415),
        (b"GIF89a" + pictures.SCRIPT, 415),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", 415),
        (picture()[:-30], 415),
        (picture("BMP"), 415),
        (picture("TIFF"), 415),
        (picture("ICO"), 415),
        (pictures.huge_png(50_000, 50_000), 422),
        (pictures.huge_png(2**31 - 1, 2**31 - 1), 422),
        (pictures.text_bomb(), 415),
        (b"\xff\xd8" + b"x" * 20_000_000, 413),
    ],
    ids=[
        "nothing", "svg", "script", "no webp", "cut", "bmp", "tiff", "ico",
        "50,000 x 50,000", "largest", "text bomb", "20 MB",
    ],
)  # fmt: skip
def test_harmful_upload_is_refused_and_nothing_is_stored(
    client: FlaskClient, ada: dict[str, str], folder: Path, content: bytes, status: int
) -> None:
    answer = client.put(AVATAR, headers=ada, data=content)

    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert client.get(ME, headers=ada).json["avatar_url"] is None
    assert not folder.exists()


@pytest.mark.parametrize(
    "content",
    [
        pictures.huge_png(50_000, 50_000),
        pictures.huge_png(4000, 4000),
        pictures.text_bomb(),
        pictures.animated_bomb(),
        picture("JPEG", (7000, 7000), progressive=True),
    ],
    ids=["50,000 x 50,000", "as large as it may be", "text bomb", "animated bomb", "progressive jpeg"],
)
def test_memory_for_a_picture_is_bounded(tmp_path: Path, content: bytes) -> None:
    assert len(content) <= 5 * 2**20
    file = tmp_path / "picture"
    file.write_bytes(content)

    with file.open("rb") as stream:
        measured = subprocess.run(
            [sys.executable, "-c", MEASURE, decoder.__file__],
            stdin=stream,
            capture_output=True,
            check=True,
            text=True,
        )
    kilobytes, seconds = map(float, measured.stdout.split())

    assert kilobytes < 300 * 1024
    assert seconds < decoder.PROCESSOR_SECONDS


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 413)])
def test_picture_has_five_megabytes_at_most(
    client: FlaskClient, ada: dict[str, str], more: int, status: int
) -> None:
    content = picture().ljust(5 * 2**20 + more, b"\0")

    assert client.put(AVATAR, headers=ada, data=content).status_code == status


def test_same_picture_of_two_accounts_is_stored_twice(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers
) -> None:
    ada, bob = as_account(accounts.add("ada@example.org").id), as_account(accounts.add("bob@example.org").id)

    paths = [upload(client, headers, picture()) for headers in (ada, bob, ada)]

    assert paths[0] == paths[2] != paths[1]
    client.delete(AVATAR, headers=ada)
    assert [client.get(path).status_code for path in paths[:2]] == [404, 200]


def test_replaced_picture_goes_after_an_hour_and_the_shown_one_stays(
    app: Flask, client: FlaskClient, ada: dict[str, str], folder: Path
) -> None:
    first = upload(client, ada, picture(size=(10, 10)))
    second = upload(client, ada, picture(size=(20, 20)))
    assert client.get(first).status_code == 200

    assert sweep(app) == 1
    assert sweep(app) == 0

    assert [client.get(path).status_code for path in (first, second)] == [404, 200]
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("way", ["delete", "patch"])
def test_picture_that_its_owner_removes_is_gone(
    app: Flask, client: FlaskClient, ada: dict[str, str], folder: Path, way: str
) -> None:
    path = upload(client, ada, picture())

    if way == "delete":
        assert client.delete(AVATAR, headers=ada).status_code == 204
    else:
        assert client.patch(ME, headers=ada, json={"avatar_url": None}).status_code == 200
        sweep(app)

    assert client.get(ME, headers=ada).json["avatar_url"] is None
    assert client.get(path).status_code == 404
    assert list(folder.iterdir()) == []


def test_picture_of_a_deleted_account_is_gone(
    app: Flask, client: FlaskClient, accounts: FakeAccounts, as_account: Headers, folder: Path
) -> None:
    account_id = accounts.add().id
    for size in (10, 20):
        upload(client, as_account(account_id), picture(size=(size, size)))

    with app.app_context(), transaction(db):
        erasure.forget(AccountDeleted(account_id=account_id, occurred_at=utcnow()))

    assert list(folder.iterdir()) == []
    with app.app_context():
        assert db.session.scalars(db.select(Avatar)).all() == []


def test_deletions_are_replayed_one_account_at_a_time(
    app: Flask,
    client: FlaskClient,
    accounts: FakeAccounts,
    as_account: Headers,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    departures = []
    for email in ("ada@example.org", "bob@example.org", "eve@example.org"):
        account_id = accounts.add(email).id
        upload(client, as_account(account_id), picture())
        departures.append(Departure(account_id, utcnow()))
    delete = FolderStore.delete
    done: list[int] = []

    def delete_of_the_first(store: FolderStore, name: str) -> None:
        if done:
            raise AvatarsUnavailable
        delete(store, name)

    with monkeypatch.context() as patch, app.app_context():
        patch.setattr(FolderStore, "delete", delete_of_the_first)
        with pytest.raises(AvatarsUnavailable):
            erasure.replay(departures, progress=done.append)
    shown = [client.get(ME, headers=as_account(each.account_id)).status_code for each in departures]
    left = len(list(folder.iterdir()))
    with app.app_context():
        again = erasure.replay(departures, progress=done.append)

    assert (shown, left) == ([404, 200, 200], 4)
    assert (again, done) == (3, [1, 1, 1, 1])
    assert list(folder.iterdir()) == []


def test_upload_that_broke_off_leaves_nothing_for_ever(
    app: Flask, client: FlaskClient, ada: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("services.users.profiles.changes.change", die)
        with pytest.raises(KeyboardInterrupt):
            client.put(AVATAR, headers=ada, data=picture())
    assert len(list(folder.iterdir())) == 2

    sweep(app)

    assert list(folder.iterdir()) == []


def test_store_that_is_away_is_said_so_and_changes_nothing(
    make_app: Callable[..., Flask],
    settings: UsersSettings,
    accounts: FakeAccounts,
    as_account: Headers,
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("no folder")
    app = make_app(settings, deps=Deps(accounts=accounts, avatars=FolderStore(tmp_path / "file" / "avatars")))
    ada = as_account(accounts.add().id)

    answer = app.test_client().put(AVATAR, headers=ada, data=picture())

    assert (answer.status_code, answer.json["code"]) == (503, "avatars_unavailable")
    assert app.test_client().get(ME, headers=ada).json["avatar_url"] is None


def test_without_a_store_nobody_uploads(
    make_app: Callable[..., Flask], settings: UsersSettings, accounts: FakeAccounts, as_account: Headers
) -> None:
    app = make_app(settings, deps=Deps(accounts=accounts))

    answer = app.test_client().put(AVATAR, headers=as_account(accounts.add().id), data=picture())

    assert (answer.status_code, answer.json["code"]) == (404, "avatar_uploads_off")


def test_own_picture_can_be_sent_back_and_no_other_of_ours(
    client: FlaskClient, accounts: FakeAccounts, as_account: Headers
) -> None:
    ada, bob = as_account(accounts.add("ada@example.org").id), as_account(accounts.add("bob@example.org").id)
    path = upload(client, ada, picture())
    url = client.get(ME, headers=ada).json["avatar_url"]

    own, others = (client.patch(ME, headers=who, json={"avatar_url": url}) for who in (ada, bob))

    assert (own.status_code, own.json["avatar_url"]) == (200, url)
    assert (others.status_code, others.json["errors"][0]["pointer"]) == (422, "/avatar_url")
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("hosts", "url", "status"),
    [
        (["*"], "https://pictures.example.org/a.png", 200),
        (["pictures.example.org"], "https://pictures.example.org:8443/a.png", 200),
        (["pictures.example.org"], "https://PICTURES.example.org/a.png", 200),
        (["pictures.example.org"], "https://evil.example/pictures.example.org", 422),
        (["pictures.example.org"], "https://pictures.example.org.evil.example/a.png", 422),
        ([], "https://pictures.example.org/a.png", 422),
    ],
)
def test_pictures_elsewhere_are_of_allowed_hosts(
    make_app: Callable[..., Flask],
    settings: UsersSettings,
    accounts: FakeAccounts,
    as_account: Headers,
    hosts: list[str],
    url: str,
    status: int,
) -> None:
    narrowed = settings.model_copy(update={"avatar_hosts": hosts})
    client = make_app(narrowed, deps=Deps(accounts=accounts)).test_client()

    answer = client.patch(ME, headers=as_account(accounts.add().id), json={"avatar_url": url})

    assert answer.status_code == status


@pytest.mark.parametrize("name", ["..%2f..%2fetc%2fpasswd", "a" * 63, "a" * 65, "." * 64, "%2e" * 64])
def test_no_other_file_is_read(client: FlaskClient, name: str) -> None:
    assert client.get(f"/api/v1/users/avatars/{name}.webp").status_code == 404


def test_uploads_need_somebody_signed_in(client: FlaskClient) -> None:
    statuses = {client.put(AVATAR, data=picture()).status_code, client.delete(AVATAR).status_code}

    assert statuses == {401}


def test_unknown_account_uploads_nothing(client: FlaskClient, as_account: Headers, folder: Path) -> None:
    assert client.put(AVATAR, headers=as_account(new_id()), data=picture()).status_code == 404
    assert not folder.exists()
