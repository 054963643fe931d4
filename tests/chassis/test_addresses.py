"""An address has one form: the domain that the DNS knows, and a local part that no other mailbox has."""

import pytest

from shared.chassis import addresses
from shared.chassis.addresses import AddressInvalid

FORMS = {
    "Ada@Example.ORG": "ada@example.org",
    "ada@straße.de": "ada@xn--strae-oqa.de",
    "ADA@STRASSE.DE": "ada@strasse.de",
    "ada@xn--strae-oqa.de": "ada@xn--strae-oqa.de",
    "ada@XN--STRAE-OQA.de": "ada@xn--strae-oqa.de",
    "x@βόλος.com": "x@xn--nxasmm1c.com",
    "x@ΒΌΛΟΣ.com": "x@xn--nxasmq6b.com",
    "ada@Bücher.de": "ada@xn--bcher-kva.de",
    "ada@bu\u0308cher.de": "ada@xn--bcher-kva.de",
    "ada@example。com": "ada@example.com",
    "ada@نامه\u200cای.com": None,  # the joiner is part of the name: no other domain is taken for it
    "\ufeffada@example.com\u200b": "ada@example.com",
    "a\u00adda@exam\u200bple.com ": "ada@example.com",
    "o'neil+tag@example.com": "o'neil+tag@example.com",
    "müller@example.com": None,
    "straße@example.com": None,
    "weiß@xn--strae-oqa.de": None,
    "\ufb01@example.com": None,
    "ada@a_b.de": None,
    "ada@☃.net": None,
    "ada@xn--a.de": None,
    "ada@-a.de": None,
    "ada@localhost": None,
    "ada@192.0.2.1": None,
    "ada@[192.0.2.1]": None,
    "ada@@example.com": None,
    "ada@b@example.com": None,
    "ada": None,
    "@example.com": None,
    "ada@": None,
    '"a b"@example.com': None,
    "a\nb@example.com": None,
    f"{'a' * 65}@example.com": None,
    f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.com": None,
}


@pytest.mark.parametrize("typed", FORMS)
def test_address_has_one_form(typed: str) -> None:
    if FORMS[typed] is None:
        with pytest.raises(AddressInvalid):
            addresses.canonical(typed)
        return

    form = addresses.canonical(typed)

    assert form == FORMS[typed]
    assert addresses.canonical(form) == form


def test_refusal_names_what_is_wrong() -> None:
    with pytest.raises(AddressInvalid, match="ASCII characters before the @"):
        addresses.canonical("müller@example.com")


def test_mail_goes_to_the_local_part_as_it_was_typed() -> None:
    assert addresses.deliverable("Ada.L@Straße.DE") == "Ada.L@xn--strae-oqa.de"


@pytest.mark.parametrize(
    ("typed", "form"), [("Ada@Bücher.de", "ada@xn--bcher-kva.de"), ("ADA", "ada"), ("Ü\u200b", "Ü"), ("", "")]
)
def test_search_takes_parts_of_addresses_too(typed: str, form: str) -> None:
    assert addresses.search_form(typed) == form
