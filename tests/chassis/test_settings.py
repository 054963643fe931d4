"""Settings name every mistake at once, and no secret is ever weak, defaulted or shown."""

import pytest

from shared.chassis.settings import ProcessSettings, ServiceSettings, SettingsError

GOOD = {
    "JWT_SECRET_KEY": "k" * 32,
    "REDIS_URL": "redis://:hidden-password@127.0.0.1:6379/0",
    "PUBLIC_URL": "https://accounts.example.org",
    "DATABASE_URL": "postgresql://role:hidden-password@127.0.0.1/db",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("name", GOOD)
def test_removing_any_required_setting_names_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)

    with pytest.raises(SettingsError, match=rf"^{name}: is not set"):
        ServiceSettings.load()


def test_ten_byte_secret_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", "0123456789")

    with pytest.raises(SettingsError, match=r"JWT_SECRET_KEY: is too short.*32 bytes"):
        ServiceSettings.load()


def test_weak_older_secret_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_PREVIOUS_SECRET_KEYS", f"{'a' * 40}, short")

    with pytest.raises(SettingsError, match="JWT_PREVIOUS_SECRET_KEYS: is too short"):
        ServiceSettings.load()


def test_all_mistakes_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL")
    monkeypatch.setenv("PUBLIC_URL", "nonsense")
    monkeypatch.setenv("WORKERS", "many")

    with pytest.raises(SettingsError) as caught:
        ServiceSettings.load()

    named = [line.split(":")[0] for line in str(caught.value).splitlines()]
    assert named == ["REDIS_URL", "PUBLIC_URL", "WORKERS"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET_KEY", "tooshort"),
        ("JWT_PREVIOUS_SECRET_KEYS", "tooshort,another"),
        ("REDIS_URL", "tooshort"),
        ("DATABASE_URL", "mysql://role:tooshort@host/name"),
    ],
)
def test_mistake_in_a_secret_never_shows_it(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=f"^{name}: ") as caught:
        ServiceSettings.load()

    assert "tooshort" not in str(caught.value)
    assert "another" not in str(caught.value)


def test_other_mistakes_show_the_value_and_a_long_one_not_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKERS", "x" * 1000)

    with pytest.raises(SettingsError, match=r'^WORKERS: "x{80}…" is not a whole number\.$'):
        ServiceSettings.load()


def test_printed_settings_hide_secrets() -> None:
    assert "hidden" not in repr(ServiceSettings.load())
    assert "kkkk" not in repr(ServiceSettings.load())


def test_every_setting_is_explained() -> None:
    for kind in (ProcessSettings, ServiceSettings):
        assert all(field.description for field in kind.model_fields.values())


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_database_url_gets_its_driver(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{scheme}://r:p@h/d")

    assert ServiceSettings.load().sqlalchemy_url == "postgresql+psycopg://r:p@h/d"
