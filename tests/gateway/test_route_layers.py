"""Route files of a team's own, laid over the built-in table; every mistake says where it is."""

# ruff: noqa: E501

import asyncio
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from deploy.local import probes
from gateway import route_file
from gateway.cli import check_routes
from gateway.route_file import RouteFileError
from gateway.routing import Table
from shared.chassis.testing.engines import wait_until
from tests.gateway.conftest import StartGateway
from tests.gateway.test_route_file import VARIABLES, name_at

SHOP = """
variable_prefixes = ["SHOP_"]
[upstreams.shop]
urls = ["${SHOP_URL:-http://127.0.0.1:9}"]
[[routes]]
name = "shop"
prefix = "/api/v1/shop"
upstream = "shop"
"""


def table_of(folder: Path, environment: Mapping[str, str] | None = None, **files: str) -> Table:
    """The built-in table under these files, in the order of their names."""
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text)
    return route_file.load_over_builtin([folder], VARIABLES, environment)


def mistakes_of(folder: Path, environment: Mapping[str, str] | None = None, **files: str) -> list[str]:
    with pytest.raises(RouteFileError) as caught:
        table_of(folder, environment, **files)
    return [mistake.replace(f"{folder}/", "") for mistake in caught.value.mistakes]


def test_a_team_writes_its_own_routes_only(tmp_path: Path) -> None:
    table = table_of(tmp_path, shop=SHOP)

    match = table.find("localhost", "GET", b"/api/v1/shop/7")
    assert name_at(table, "POST", b"/api/v1/auth/login") == "auth-sign-in"
    assert match is not None
    assert [limit.name for limit in match.limits] == ["address", "caller"]  # the built-in defaults
    assert match.route.cors == "apps"
    assert table.files["shop"] == str(tmp_path / "shop.toml")


def test_later_files_change_earlier_ones_key_by_key(tmp_path: Path) -> None:
    table = table_of(
        tmp_path,
        a=SHOP + "[limits.address]\nquota = 9\n",
        b="without = ['avatars']\n[[routes]]\nname = 'auth-sign-in'\nlimits = ['address']\n",
    )

    sign_in = table.find("localhost", "POST", b"/api/v1/auth/login")
    assert sign_in is not None
    assert [limit.name for limit in sign_in.limits] == ["address"]
    assert sign_in.route.access.is_public
    assert (sign_in.limits[0].quota, sign_in.limits[0].window_seconds) == (9, 60)
    assert name_at(table, "GET", b"/api/v1/users/avatars/x.webp") == "users"


def test_defaults_of_a_file_do_not_touch_other_files(tmp_path: Path) -> None:
    table = table_of(tmp_path, shop=SHOP + "[defaults]\naccess = 'public'\nlimits = []\n")

    mine, theirs = (
        table.find("localhost", "GET", b"/api/v1/shop"),
        table.find("localhost", "GET", b"/api/v1/users/me"),
    )
    assert mine is not None
    assert theirs is not None
    assert (mine.route.access.is_public, mine.limits) == (True, ())
    assert not theirs.route.access.is_public


def test_a_file_may_stand_alone(tmp_path: Path) -> None:
    table = table_of(tmp_path, shop="standalone = true\n" + SHOP)

    assert set(table.files) == {"shop"}


def test_variables_with_a_declared_prefix_are_read(tmp_path: Path) -> None:
    text = (
        SHOP.replace(
            "[[routes]]",
            "most_outstanding = '${SHOP_MOST:-7}'\n[limits.shop]\nquota = '${SHOP_QUOTA}'\nwindow_seconds = 60\n[[routes]]",
        )
        + "limits = ['shop']\nrequest = { set = { X-Region = 'eu-${SHOP_REGION:-1}' } }\n"
    )

    table = table_of(tmp_path, {"SHOP_URL": "http://one, http://two", "SHOP_QUOTA": "12"}, shop=text)

    assert [one.url for one in table.upstreams["shop"].urls] == ["http://one", "http://two"]
    match = table.find("localhost", "GET", b"/api/v1/shop")
    assert match is not None
    assert ([limit.quota for limit in match.limits], match.upstream.most_outstanding) == ([12], 7)
    assert match.route.request.set == {"x-region": "eu-1"}


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            SHOP.replace("SHOP_URL", "JWT_SECRET_KEY"),
            "shop.toml: upstreams.shop.urls[0]: ${JWT_SECRET_KEY} is not one of",
        ),
        (
            SHOP.replace(":-http://127.0.0.1:9", ""),
            "shop.toml: upstreams.shop.urls[0]: ${SHOP_URL} is not set",
        ),
        (SHOP.replace('"SHOP_"', '"JWT_"'), "shop.toml: variable_prefixes[0]: is the backend's own"),
        (SHOP.replace('"SHOP_"', '""'), "shop.toml: variable_prefixes[0]: must be capital letters"),
        (SHOP.replace('["SHOP_"]', "1"), "shop.toml: variable_prefixes: must be a list."),
        ("without = ['shop']\n" + SHOP, "shop.toml: without[0]: no file before has a route 'shop'."),
        ("without = 'x'\n" + SHOP, "shop.toml: without: must be a list"),
        (SHOP + "limits = ['none']\n", "shop.toml: routes[0].limits (shop): there is no [limits.none]."),
        (
            SHOP + "surprise = 1\n",
            "shop.toml: routes[0].surprise (shop): Unexpected keyword argument. It is 1.",
        ),
        (
            SHOP + "[defaults]\nretries = 9\n",
            "shop.toml: defaults.retries (shop): Input should be less than or equal to 3. It is 9.",
        ),
        (
            SHOP + "cors = 'apps'\n[defaults]\ncors = 'none'\n",
            "shop.toml: defaults.cors: there is no [cors.none].",
        ),
        ("odd = 1\n" + SHOP, "shop.toml: odd: Extra inputs are not permitted. It is 1."),
        (
            "[[routes]]\nname = 'users'\nretries = 8\n",
            "shop.toml: routes[0].retries (users): Input should be less than or equal to 3. It is 8.",
        ),
        (
            SHOP + SHOP.partition("[[routes]]")[1] + "\nname = 'shop'\nprefix = '/x'\nupstream = 'shop'\n",
            "shop.toml: routes[1].name (shop): shop is there twice.",
        ),
    ],
)
def test_a_mistake_names_its_file_and_key(tmp_path: Path, text: str, mistake: str) -> None:
    assert mistakes_of(tmp_path, shop=text)[0].startswith(mistake)


def test_a_mistake_names_its_value_and_the_variable_that_it_came_from(tmp_path: Path) -> None:
    (mistake,) = mistakes_of(tmp_path, {"SHOP_URL": "ftp://shop"}, shop=SHOP)

    assert mistake.startswith("shop.toml: upstreams.shop.urls[0].url: ")
    assert mistake.endswith('It is "ftp://shop", from ${SHOP_URL}.')


def test_a_folder_without_files_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(RouteFileError, match=r"has no file that ends with \.toml"):
        route_file.load_over_builtin([tmp_path], VARIABLES)


def test_files_are_checked_without_any_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {})
    (tmp_path / "shop.toml").write_text(SHOP)
    (tmp_path / "wrong.toml").write_text(SHOP.replace("/api", "api"))

    good = CliRunner().invoke(check_routes, [str(tmp_path / "shop.toml")])
    bad = CliRunner().invoke(check_routes, [str(tmp_path / "wrong.toml")])

    assert good.exit_code == 0
    assert f"{tmp_path}/shop.toml: 1 routes: shop" in good.output
    assert bad.exit_code == 1
    assert "wrong.toml: routes[0].prefix[0] (shop): " in bad.output
    assert 'It is "api/v1/shop".' in bad.output


def test_the_gateway_is_ready_although_a_teams_service_is_away(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    (tmp_path / "shop.toml").write_text(SHOP)

    gateway = start_gateway(GATEWAY_ROUTES_FILE=str(tmp_path / "shop.toml"))
    wait_until(lambda: httpx.get(f"{gateway.url}/readyz").status_code == 200, what="readiness")
    answer = httpx.get(f"{gateway.url}/readyz")
    away = asyncio.run(probes.services_away(gateway.port))

    assert (answer.status_code, answer.json()["optional"]) == (200, {"shop": "fail"})
    assert answer.json()["checks"]["auth"] == "pass"
    assert away == ["shop"]
