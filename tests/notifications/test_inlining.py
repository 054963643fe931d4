"""Styles at their elements: put there once for mails of one shape, and the same as for each mail alone."""

import re
from html.parser import HTMLParser

import css_inline
import pytest
from jinja2 import UndefinedError

from services.notifications.rendering import built_in
from services.notifications.rendering.catalog import TEMPLATES
from services.notifications.templating import inlining, looks
from services.notifications.templating.compiling import compiled
from services.notifications.templating.environment import environment
from services.notifications.templating.wordings import Wording

LOOK = looks.look(name="Ada & Sons", color="#7a1f3d")
NASTY = [
    "x",
    "",
    " ",
    "\n\nx",
    "<b>&amp;</b>",
    "'\"`",
    "ü😀\u202e",
    "a\r\nb",
    "\0",
    "10",
    "{{ x }}",
    "\ufdd0",
]


class Events(HTMLParser):
    """What a reader makes of HTML: its tags, and its text in one piece between them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[object] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(tag)

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def rendered(source: str, **values: str) -> str:
    """As a template of HTML shows it, marks and all."""
    return environment(LOOK, is_html=True).from_string(source).render(values)


def each_alone(html: str) -> str:
    return css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False).inline(
        html.replace(inlining.MARK, "")
    )


STYLE = "<style>p { color: red } .a { color: blue } a { color: green }</style>"
SHAPES = [
    f"{STYLE}<p>{{{{ x }}}} and {{{{ y }}}}</p><p class='a'>{{{{ y }}}}</p>",
    f'{STYLE}<p><a title="{{{{ x }}}}, {{{{ y }}}}" href="{{{{ y }}}}">{{{{ x }}}}</a></p>',
    f'{STYLE}<p class="{{{{ x }}}}">{{{{ y }}}}</p>',
    "<style>a[href='10'] { color: red }</style><a href=\"{{ x }}\">{{ y }}</a>",
    "<style>p { color: {{ brand.color }} }</style><p>{{ x }}</p><style>p { margin: 0 }</style><p>{{ y }}</p>",
    f"{STYLE}<table><tr><td>{{{{ x }}}}</td></tr>{{{{ y }}}}</table>",
    f"{STYLE}<!-- {{{{ x }}}} --><pre>{{{{ y }}}}</pre>{{% if x %}}<p>{{{{ x|upper }}}}</p>{{% endif %}}",
]


@pytest.mark.parametrize("source", SHAPES)
def test_mail_reads_as_if_its_styles_were_put_in_place_for_it_alone(source: str) -> None:
    for x in NASTY:
        for y in NASTY:
            html = rendered(source, x=x, y=y)

            assert Events(inlining.inlined(html)).found == Events(each_alone(html)).found, (x, y)
            assert inlining.MARK not in inlining.inlined(html)


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_every_mail_of_ours_is_styled_once(name: str) -> None:
    for wording in built_in.source(name).languages.values():
        mail = compiled(wording, LOOK)
        given = dict.fromkeys([*TEMPLATES[name].required, *TEMPLATES[name].optional], "value")
        given |= {"lang": "en", "greeting": "Hello,", "help": "Help:", "change": "c", "organization": "o"}
        first = mail.render(given).html
        before = inlining.styled.cache_info().misses

        again = mail.render(
            {key: f"{value}?" for key, value in given.items() if key != "lang"} | {"lang": "en"}
        )

        assert ' style="' in first
        assert inlining.styled.cache_info().misses - before <= ("text" in TEMPLATES[name].required)
        assert re.sub(r"value\??|Hello,\??", "", again.html).count("style=") == first.count("style=")


def test_what_is_shown_cannot_become_markup_or_another_value() -> None:
    mark = inlining.MARK
    html = rendered(f"{STYLE}<p>{{{{ x }}}}</p><p>{{{{ y }}}}</p>", x=f"{mark}1{mark}<i>", y="second")

    shown = inlining.inlined(html)

    assert "1&lt;i&gt;" in shown
    assert shown.count("second") == 1


@pytest.mark.parametrize(
    "wording",
    [
        Wording(subject="s", text="{{ x }}"),
        Wording(subject="s", text="t", html="<p>{{ x|e }}</p>"),
        Wording(subject="s", text="t", html="<p>{{ x|paragraphs }}</p>"),
        Wording(subject="s", text="t", markdown="*{{ x }}*"),
    ],
)
def test_mark_in_what_is_given_is_dropped(wording: Wording) -> None:
    given = {"x": f"a{inlining.MARK}0{inlining.MARK}{inlining.MARK}z", "lang": "en", "help": "h"}

    mail = compiled(wording, LOOK).render(given)

    assert "a0z" in mail.html
    assert inlining.MARK not in mail.html + mail.text + mail.subject


def test_html_without_styles_is_sent_as_it_is() -> None:
    assert inlining.inlined(rendered("<p>{{ x }}</p>", x="<b>")) == "<p>&lt;b&gt;</p>"


def test_variable_that_is_missing_is_still_a_mistake() -> None:
    with pytest.raises(UndefinedError):
        compiled(Wording(subject="s", text="t", html="<p>{{ missing }}</p>"), LOOK).render({"lang": "en"})
