"""What Prometheus and Grafana are given: valid, and nothing in it but metrics and labels that exist."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.metrics_page import ROOT, all_metrics

FOLDER = ROOT / "deploy" / "observability"
UNIT_TEST = Path(__file__).with_name("alerts_test.yml")
SERIES = {series: metric for metric in all_metrics() for series in metric.series}
ADDED = {"le", "job", "instance"}  # by Prometheus, or by the histogram itself
ALERT = re.compile(r"- alert: (\w+)\n +expr: (.+?)\n +(?:for|labels):", re.DOTALL)
NAME = re.compile(r"\bdoorward_\w+")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"|by \(([\w, ]+)\)")


def alerts() -> dict[str, str]:
    """The query of each alert."""
    return dict(ALERT.findall((FOLDER / "alerts.yml").read_text()))


def queries() -> dict[str, str]:
    """Every query of the alerts and of the dashboard, by where it stands."""
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    shown = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in panels
        for target in panel["targets"]
    }
    return alerts() | shown


@pytest.mark.parametrize(("place", "query"), queries().items())
def test_queries_name_metrics_and_labels_that_exist(place: str, query: str) -> None:
    names = NAME.findall(query)
    labels = {label for pair in LABEL.findall(query) for label in re.findall(r"\w+", " ".join(pair))}

    assert [name for name in names if name not in SERIES] == []
    assert names or "up{" in query, place
    assert labels - ADDED <= {label for name in names for label in SERIES[name].labels}


def test_every_metric_is_on_the_dashboard_or_in_an_alert_or_is_known_to_be_detail() -> None:
    used = set(NAME.findall(" ".join(queries().values())))

    assert {metric.name for metric in all_metrics() if not used & set(metric.series)} == {
        "doorward_build_info",  # `doorward status` reads it
        "doorward_emails_oldest_due_seconds",  # the same by lane is shown
        "doorward_emails_total",  # attempts by server are shown
        "doorward_gateway_clients_gone_total",
        "doorward_gateway_limiter_workers",
        "doorward_gateway_websocket_messages_total",
        "doorward_gateway_websockets_closed_total",
    }


def test_every_alert_is_explained() -> None:
    page = (ROOT / "docs" / "metrics-and-alerts.md").read_text()

    assert [name for name in alerts() if f"`{name}`" not in page] == []


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed")
    return found


@pytest.mark.parametrize("words", [["check", "rules", "alerts.yml"], ["check", "config", "prometheus.yml"]])
def test_promtool_accepts_the_files(promtool: str, words: list[str]) -> None:
    outcome = subprocess.run([promtool, *words], cwd=FOLDER, capture_output=True, text=True, timeout=60)

    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_alerts_fire_on_what_they_are_for(promtool: str, tmp_path: Path) -> None:
    for file in (FOLDER / "alerts.yml", UNIT_TEST):
        shutil.copy(file, tmp_path)

    outcome = subprocess.run(
        [promtool, "test", "rules", UNIT_TEST.name], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )

    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
