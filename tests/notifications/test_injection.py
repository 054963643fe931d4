"""What a caller puts into a mail stays what it is: no header, no markup, no link, no template code."""

import pytest
from flask.testing import FlaskClient

from services.notifications.errors import LinkRefused
from services.notifications.messages import links
from services.notifications.rendering.catalog import TEMPLATES
from tests.mailbox_process import Mailbox
from tests.notifications.mails import render
from tests.notifications.test_api import MAIL, NOTIFICATIONS

HOSTS = {"app.example.org"}
ALLOWED = ["https://app.example.org/", "https://app.example.org:443/a?b=c#d", "https://APP.example.org/"]
REFUSED = [
    "http://app.example.org/",
    "https://evil.example/",
    "https://app.example.org.evil.example/",
    "https://app.example.org@evil.example/",
    "https://user:password@app.example.org/",
    "https://app.example.org:8443/",
    "https://app.example.org:port/",
    "https:/\\evil.example/",
    "https://evil.example\\@app.example.org/",
    "https://evil.example\\.app.example.org/",
    "//app.example.org/",
    "/path",
    "",
    "javascript:alert(1)",
    "JavaScript:alert(1)//https://app.example.org/",
    "data:text/html,<script>alert(1)</script>",
    " https://app.example.org/",
    "https://app.example.org/\n",
    "java\tscript:alert(1)",
    "https://app。example。org/",
    "https://аpp.example.org/",
    "https://[::1/",
]
MARKUP = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><a href="https://evil.example">',
    "</p></td></table><h1>x</h1>",
    "<!-- ",
    "&lt;b&gt;",
    "<style>*{display:none}</style>",
]
CODE = ["{{ 7*7 }}", "{% raw %}", "{{ self.__init__.__globals__ }}", "{% include 'layout.txt' %}", "{#"]


@pytest.mark.parametrize("link", ALLOWED)
def test_link_to_a_host_that_the_operator_has_named_is_taken(link: str) -> None:
    links.check({"link": link}, HOSTS)


@pytest.mark.parametrize("link", REFUSED)
@pytest.mark.parametrize("name", ["link", "invoice_link"])
def test_link_that_leads_elsewhere_is_refused(name: str, link: str) -> None:
    with pytest.raises(LinkRefused) as caught:
        links.check({name: link}, HOSTS)

    assert [error["pointer"] for error in caught.value.errors or []] == [f"/variables/{name}"]


@pytest.mark.parametrize("text", [*MARKUP, *CODE])
def test_text_is_shown_and_not_obeyed(text: str) -> None:
    values = {"subject": text, "text": text, "button": text, "link": "https://app.example.org/"}

    rendered = render("message", "en", values)

    plain = render("message", "en", {**values, "subject": "s", "text": "t", "button": "b"})
    assert rendered.html.count("<") == plain.html.count("<")
    assert text in rendered.text
    assert "49" not in rendered.text


@pytest.mark.parametrize("name", [name for name, template in TEMPLATES.items() if template.is_internal])
def test_mail_of_doorward_itself_cannot_be_caused_by_a_caller(
    client: FlaskClient, as_admin: dict[str, str], name: str
) -> None:
    variables = {variable: "https://evil.example" for variable in TEMPLATES[name].required}

    answer = client.post(
        NOTIFICATIONS, json={**MAIL, "template": name, "variables": variables}, headers=as_admin
    )

    assert (answer.status_code, answer.json["code"]) == (422, "template_internal")


def test_link_is_refused_before_anything_is_stored(
    client: FlaskClient, as_sender: dict[str, str], as_admin: dict[str, str], mailbox: Mailbox
) -> None:
    variables = {**MAIL["variables"], "link": "https://evil.example/"}

    answer = client.post(NOTIFICATIONS, json={**MAIL, "variables": variables}, headers=as_sender)

    assert (answer.status_code, answer.json["code"]) == (422, "link_refused")
    assert client.get(NOTIFICATIONS, headers=as_admin).json["items"] == []
