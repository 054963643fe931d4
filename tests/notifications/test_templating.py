"""What an author may write, what of it is a variable, and that no variable becomes markup, link or code."""

from html.parser import HTMLParser

import pytest
from jinja2 import UndefinedError
from jinja2.exceptions import SecurityError
from markupsafe import escape

from services.notifications.authoring import template_checks
from services.notifications.errors import TemplateInvalid
from services.notifications.rendering.catalog import TEMPLATES
from services.notifications.rendering.versions import Source
from services.notifications.templating import inlining, looks, markdown
from services.notifications.templating.compiling import Interface, Rendered, compiled, interface_of
from services.notifications.templating.environment import TemplateMistake, environment
from services.notifications.templating.wordings import Wording
from tests.notifications.mails import LOOK, version

EVIL = [
    "<script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    "</td></table><h1>",
    "{{ 7 * 7 }}",
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "# heading",
    "`code`",
]


def written(**members: str) -> Wording:
    return Wording(**{"subject": "Hello", **members})


def rendered(wording: Wording, **values: str) -> Rendered:
    return compiled(wording, LOOK).render({"lang": "en", "greeting": "Hello,", **values})


def tags_of(html: str) -> list[tuple[str, tuple[str, ...]]]:
    """The tags as a browser reads them, with the names of their attributes."""
    found = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, tuple(name for name, _ in attrs)))

    Reader().feed(html)
    return found


def takes(text: str) -> tuple[set[str], set[str]]:
    interface = interface_of(written(text=text), LOOK)
    return set(interface.required), set(interface.optional)


@pytest.mark.parametrize(
    ("text", "required", "optional"),
    [
        ("{{ a }} {{ b|upper }}", {"a", "b"}, set()),
        ("{{ a|default('x') }}", set(), {"a"}),
        ("{% if a is defined %}{{ a }}{% endif %}", set(), {"a"}),
        ("{% if a is not defined %}none{% else %}{{ a }}{% endif %}", set(), {"a"}),
        ("{% if a is undefined or b %}x{% endif %}", {"b"}, {"a"}),
        ("{% if a is defined and a == 'x' %}{{ b }}{% endif %}", {"b"}, {"a"}),
        ("{% if a == 'x' %}1{% elif b is defined %}{{ b }}{% endif %}", {"a"}, {"b"}),
        ("{{ a if a is defined else b }}", {"b"}, {"a"}),
        ("{% if a is defined %}{{ a }}{% endif %}{{ a }}", {"a"}, set()),
        ("{% set c = a %}{{ c }} {{ greeting }} {{ brand.name }}", {"a"}, set()),
        ("{% with c = a %}{{ c }}{% endwith %}", {"a"}, set()),
        ("no variable", set(), set()),
    ],
)
def test_variable_is_needed_where_it_is_shown_without_asking(
    text: str, required: set[str], optional: set[str]
) -> None:
    assert takes(text) == (required, optional)


@pytest.mark.parametrize("name", TEMPLATES)
def test_variables_of_our_own_templates_are_what_their_texts_take(name: str) -> None:
    for wording in version(name).source.languages.values():
        interface = interface_of(wording, LOOK)

        known = TEMPLATES[name].required | TEMPLATES[name].optional | template_checks.ALWAYS_GIVEN
        assert interface.required <= known
        # A text says minutes or hours.
        assert TEMPLATES[name].required - {"minutes", "hours"} <= interface.required | interface.optional


@pytest.mark.parametrize("name", TEMPLATES)
def test_our_own_templates_can_be_pulled_and_pushed(name: str) -> None:
    template_checks.check(name, version(name).source, LOOK)


@pytest.mark.parametrize(
    "text",
    [
        "{% for x in range(9) %}x{% endfor %}",
        "{% macro m() %}{% endmacro %}",
        "{% include 'layout' %}",
        "{% import 'layout' as x %}",
        "{{ 'x' * 99 }}",
        "{{ 9 ** 9 }}",
        "{{ '%99d' % 1 }}",
        "{{ a.center(99) }}",
        "{{ a|safe }}",
        "{{ a|center(99) }}",
        "{% if 0 %}{{ a|attr('x') }}{% endif %}",
        "{{ a is callable }}",
        "{{ lipsum() }}",
        "{% extends 'frame' %}",
        "{% if %}",
        "{{ a",
        "{{ a + 1 }}",
        "{{ a > 1 }}",
        "{{ a.b.c }}",
        "{{ 1 // 0 }}",
        "{% block x %}{% endblock %}{% block x %}{% endblock %}",
        "(" * 5 + "{{ " + "(" * 5000 + "a" + ")" * 5000 + " }}",
    ],
)
def test_template_that_does_more_than_read_choose_and_format_is_refused(text: str) -> None:
    with pytest.raises(TemplateMistake):
        interface_of(written(text=text), LOOK)


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'x'" + "|replace('x', 'xxxxxxxxxx')" * 40 + " }}",
        "{{ a" + "|replace('', a)" * 3 + " }}",
        "{% set a = 'xx' %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
        "{% set a = 'xx' %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
        "{% set a %}xx{% endset %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 40 + "{{ a }}",
        "{% with a = 'xx' %}" + "{% with a = a ~ a %}" * 40 + "{{ a }}" + "{% endwith %}" * 41,
        "{% filter replace('x', 'xxxxxxxxxx')" + "|replace('x', 'xxxxxxxxxx')" * 40 + " %}x{% endfilter %}",
        "{% set a = 'xx' %}" + "{% if b %}{% set a = a ~ a %}{% endif %}" * 40 + "{{ a }}",
        "{{ a }}" * 2000,
    ],
)
def test_template_that_could_grow_without_bounds_is_refused_before_it_is_tried(text: str) -> None:
    for form in ({"text": text}, {"text": "x", "html": text}, {"text": "x", "subject": text}):
        with pytest.raises(TemplateMistake, match="can become longer"):
            interface_of(written(**form), LOOK)


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 16_000,
        "<b><i></b>" * 8000,
        "{% set a %}" + "<b>" * 200 + "{% endset %}" + "{{ a }}" * 100,
    ],
)
def test_html_that_would_end_the_process_is_refused(html: str) -> None:
    with pytest.raises(TemplateMistake, match="more than 5000 elements"):
        interface_of(written(text="x", html=html), LOOK)


def test_template_that_sets_joins_and_replaces_within_reason_is_taken() -> None:
    text = (
        "{% set both = a ~ ' ' ~ b %}{% set c %}{{ both|replace('x', 'y') }}{% endset %}"
        "{% filter upper %}{{ c }}{% endfilter %}{% with d = a %}{{ d }}{% endwith %}"
    ) + "{{ a|title|truncate(9) }} {{ b|urlencode }}" * 15

    assert interface_of(written(text=text), LOOK).required == {"a", "b"}


@pytest.mark.parametrize(
    "text", ["{{ a }}", "{{ a|replace('q', 'r') }}", "{{ a|paragraphs }}", "{{ a ~ a }}"]
)
def test_escaping_cannot_be_switched_off(text: str) -> None:
    html = f"{{% autoescape false %}}<p>{text}</p>{{% endautoescape %}}"

    shown = rendered(written(text="x", html=html), a="<b>q</b>").html

    assert "&lt;b&gt;" in shown
    assert "b" not in {tag for tag, _ in tags_of(shown)}


@pytest.mark.parametrize(
    "html",
    [
        "<script>1</script>",
        "<p onclick='x'>x</p>",
        "<img src='x' onerror='y'>",
        "<a href='javascript:x'>x</a>",
        "<a href='http://example.org'>x</a>",
        "<a href='//example.org'>x</a>",
        "<a href={{ link }}>x</a>",
        "<a title={{ a }}>x</a>",
        "<a {{ a }}='x'>x</a>",
        "<{{ a }}>",
        "<a {% if a %}title='x'{% endif %}>x</a>",
        "<a href='https://x.example/?q={{ a }}'>x</a>",
        "<a href='{{ a|lower }}'>x</a>",
        "<a href='{{ a }}{{ b }}'>x</a>",
        "<p style='color: {{ a }}'>x</p>",
        "<style>p { color: {{ a }} }</style>",
        "<link rel='stylesheet' href='https://x.example'>",
        "<iframe src='https://x.example'></iframe>",
        "<form action='https://x.example'>",
        "<![ unknown [ x ]]>",
    ],
)
def test_html_in_which_a_variable_or_a_script_could_run_is_refused(html: str) -> None:
    with pytest.raises(TemplateMistake):
        interface_of(written(text="x", html=html), LOOK)


def test_variable_that_an_address_begins_with_is_a_link() -> None:
    html = "<a href='{{ go }}?q={{ q|urlencode }}'>{{ label }}</a><img src=\"{{ picture }}\">"

    interface = interface_of(written(text="x", html=html), LOOK)

    everything = frozenset({"go", "q", "label", "picture"})
    assert interface == Interface(everything, frozenset(), frozenset({"go", "picture"}))


@pytest.mark.parametrize("evil", EVIL)
def test_variable_stays_text_in_each_form(evil: str) -> None:
    forms = [
        written(markdown="**Dear** {{ a }}\n\n- {{ a }}"),
        written(text="Dear {{ a }}"),
        written(text="x", html="<p title='{{ a }}'>{{ a }}</p>"),
        Wording(
            blocks="{% extends layout %}{% block subject %}s{% endblock %}"
            "{% block lead %}{{ a }}{% endblock %}"
        ),
    ]
    for form in forms:
        plain, attacked = rendered(form, a="word"), rendered(form, a=evil)

        assert tags_of(attacked.html) == tags_of(plain.html)
        assert 'https://evil.example"' not in attacked.html
        assert "49" not in attacked.text.replace(evil, "")


def test_both_parts_come_from_one_markdown_source() -> None:
    source = (
        "# Hello {{ name }}\n\n{% if plan is defined %}\nYou have the *{{ plan }}* plan,\n"
        "see [its page]({{ link }}).\n"
        "{% endif %}\n\n- one\n- two\n\n1. first\n2. second\n\n[Open it]({{ link }})\n"
    )
    wording = written(markdown=source)

    full = rendered(wording, name="A & B", plan="big", link="https://x.example/?a=1&b=2")
    without = rendered(wording, name="A", link="https://x.example/")

    assert full.text == (
        "Hello A & B\n\nYou have the big plan,\nsee its page (https://x.example/?a=1&b=2).\n\n"
        "- one\n- two\n\n"
        "1. first\n2. second\n\nOpen it:\nhttps://x.example/?a=1&b=2\n"
    )
    assert ">Hello A &amp; B</h1>" in full.html
    assert "<em>big</em>" in full.html
    assert full.html.count('href="https://x.example/?a=1&amp;b=2"') == 2
    assert full.html.count('class="button"') == 1
    assert ("plan" in without.text, "plan" in without.html) == (False, False)


def test_markdown_keeps_code_rules_and_breaks_in_plain_text() -> None:
    text = markdown.to_text("a  \nb\n\n---\n\n```\nx = 1\n```\n\n3. c\n   - d\n\n<https://x.example/>\n")

    assert text == "a\nb\n\n---\n\nx = 1\n\n3. c\n  - d\n\nhttps://x.example/\n"


def test_html_is_made_of_the_text_where_there_is_none() -> None:
    found = rendered(written(text="One <b>.\n\nTwo {{ a }}."), a="<i>")

    assert "One &lt;b&gt;.</p>" in found.html
    assert "Two &lt;i&gt;.</p>" in found.html


def test_whole_document_is_sent_without_our_layout() -> None:
    html = (
        "<!doctype html><html><head><style>p { color: red }</style></head><body><p>{{ a }}</p></body></html>"
    )

    found = rendered(written(text="x", html=html), a="b")

    assert 'style="color: red;"' in found.html
    assert "<table" not in found.html


def test_styles_stand_at_the_elements_and_those_of_dark_readers_in_the_head() -> None:
    found = rendered(written(markdown="[Open](https://x.example)"))

    button = found.html[found.html.index('<a class="button"') :].partition(">")[0]
    assert "background: #1d5c43" in button
    assert found.html.count("@media (prefers-color-scheme: dark)") == 1


def test_brand_is_shown_in_both_parts() -> None:
    look = looks.look(name="Example & Sons", color="#123456", footer="Example Ltd, 1 Road")
    logo = looks.look(name="Example", logo_url="https://x.example/l.png")
    values = {"lang": "en", "greeting": "Hello,"}
    wording = written(markdown="Hi, {{ brand.name }}")

    found, pictured = compiled(wording, look).render(values), compiled(wording, logo).render(values)

    assert "Example &amp; Sons</p>" in found.html
    assert "#123456" in found.html
    assert (found.text, found.html.count("Example Ltd, 1 Road")) == (
        "Hi, Example & Sons\n\nExample Ltd, 1 Road\n",
        1,
    )
    assert 'src="https://x.example/l.png"' in pictured.html


@pytest.mark.parametrize("attribute", sorted(looks.SHOWN))
def test_brand_is_written_into_the_code_of_a_template(attribute: str) -> None:
    mark = inlining.MARK
    look = looks.look(
        name=f"<A>{mark}", footer="<f>", support="h@x.example", logo_url="https://x.example/?a&b"
    )
    expected = getattr(look, attribute).replace(mark, "")
    source = f"{{{{ brand.{attribute} }}}}{{% if brand.{attribute} == x %}} is x{{% endif %}}"
    text, html = (environment(look, is_html=is_html) for is_html in (False, True))

    assert text.from_string(source).render(x=expected, brand=None) == f"{expected} is x"
    assert html.from_string(source).render(x=expected, brand=None) == f"{escape(expected)} is x"


def test_brand_has_nothing_else_to_show() -> None:
    with pytest.raises(SecurityError):
        environment(LOOK, is_html=False).from_string("{{ brand.__class__.x }}").render()
    with pytest.raises(UndefinedError):
        environment(LOOK, is_html=False).from_string("{{ brand.nothing }}").render()


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"subject": "s"},
        {"text": "t"},
        {"subject": "s", "html": "h"},
        {"subject": "s", "markdown": "m", "text": "t"},
        {"subject": "s", "blocks": "b"},
        {"blocks": "{% block subject %}s{% endblock %}"},
        {"blocks": "{% extends layout %}"},
        {"blocks": "{% extends 'other' %}{% block subject %}s{% endblock %}"},
    ],
)
def test_wording_in_none_of_the_forms_is_refused(members: dict[str, str]) -> None:
    with pytest.raises(TemplateMistake):
        interface_of(Wording.of(members), LOOK)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("verify_email", "{{ code }} {{ nickname }}", "no variable `nickname`"),
        ("verify_email", "{{ link }}", "has to show `code`"),
        ("password_changed", "{{ time }} {{ ended_passkeys }}", "not always given"),
    ],
)
def test_template_of_ours_is_worded_anew_only_with_what_it_is_given(name: str, text: str, says: str) -> None:
    with pytest.raises(TemplateInvalid) as caught:
        template_checks.check(name, Source({"de": written(text=text)}), LOOK)

    (mistake,) = caught.value.errors or []
    assert mistake["pointer"] == "/languages/de"
    assert says in mistake["detail"]
