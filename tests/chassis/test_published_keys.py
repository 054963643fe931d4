"""auth's public keys at another process: asked for when needed, at no attacker's pace, kept without auth."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs

from shared.chassis import published_keys
from shared.chassis.errors import Unavailable
from shared.chassis.published_keys import KeysUnavailable, PublishedKeys
from shared.chassis.signing_keys import NotAPublicKey, public_jwk, read_jwk
from shared.chassis.testing.engines import wait_until
from shared.contracts.internal import KeySetBody


def new_jwk(algorithm: str = "EdDSA") -> dict[str, str]:
    if algorithm == "EdDSA":
        return public_jwk(algorithm, Ed25519PrivateKey.generate().public_key())
    return public_jwk(algorithm, ec.generate_private_key(ec.SECP256R1()).public_key())


class Auth:
    """auth's key set, which counts who asks, and which can be away or slow."""

    def __init__(self, *keys: dict[str, str]) -> None:
        self.keys = keys
        self.questions = 0
        self.is_away = False
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self) -> KeySetBody:
        self.questions += 1
        self.may_answer.wait(10)
        if self.is_away:
            raise Unavailable
        return KeySetBody(keys=self.keys)


@pytest.fixture
def ask_at_will(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published_keys, "ASK_AGAIN_SECONDS", 0)


KNOWN, LATER = new_jwk(), new_jwk()
OTHER = new_jwk()["kid"]


def test_key_is_asked_for_when_a_token_names_it() -> None:
    auth = Auth(KNOWN)
    keys = PublishedKeys(auth, {"EdDSA"})

    found = keys.find(KNOWN["kid"])

    assert found is not None
    assert found.algorithm == "EdDSA"
    assert keys.find(KNOWN["kid"]) is found
    assert auth.questions == 1


def test_unknown_names_are_asked_for_once_in_a_while_only() -> None:
    auth = Auth(KNOWN)
    keys = PublishedKeys(auth, {"EdDSA"})

    found = [keys.find(new_jwk()["kid"]) for _ in range(50)]

    assert found == [None] * 50
    assert auth.questions == 1


@pytest.mark.parametrize("kid", ["", "x", "../../etc/passwd", "' OR 1=1 --", "a\x00b", "ä" * 43, "a" * 44])
def test_a_name_that_is_none_of_ours_is_never_asked_for(kid: str) -> None:
    auth = Auth(KNOWN)

    assert PublishedKeys(auth, {"EdDSA"}).find(kid) is None
    assert auth.questions == 0


@pytest.mark.usefixtures("ask_at_will")
def test_many_at_once_ask_once_and_all_get_the_answer() -> None:
    auth = Auth(KNOWN)
    auth.may_answer.clear()
    keys = PublishedKeys(auth, {"EdDSA"})

    with ThreadPoolExecutor(16) as pool:
        waiting = [pool.submit(keys.find, KNOWN["kid"]) for _ in range(16)]
        wait_until(lambda: auth.questions > 0, what="the question")
        auth.may_answer.set()
        found = [task.result(10) for task in waiting]

    assert None not in found
    assert auth.questions == 1


@pytest.mark.usefixtures("ask_at_will")
def test_key_that_came_while_somebody_was_about_to_ask_is_not_asked_for_again() -> None:
    auth = Auth(KNOWN)
    keys = PublishedKeys(auth, {"EdDSA"})
    assert keys.find(KNOWN["kid"])

    assert keys.ask_for(KNOWN["kid"]) is None
    assert keys.answer(KNOWN["kid"])
    assert auth.questions == 1


@pytest.mark.usefixtures("ask_at_will")
def test_new_key_is_learnt_and_a_withdrawn_one_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    auth = Auth(KNOWN)
    keys = PublishedKeys(auth, {"EdDSA"})
    assert keys.find(KNOWN["kid"])

    auth.keys = (LATER,)
    monkeypatch.setattr(published_keys, "KEPT_SECONDS", 0)
    assert keys.find(KNOWN["kid"])  # answered at once, and asked for meanwhile

    wait_until(lambda: keys.names == {LATER["kid"]}, what="the new set")
    assert keys.find(LATER["kid"])


@pytest.mark.usefixtures("ask_at_will")
def test_known_keys_outlast_auth(monkeypatch: pytest.MonkeyPatch) -> None:
    auth = Auth(KNOWN)
    keys = PublishedKeys(auth, {"EdDSA"})
    assert keys.find(KNOWN["kid"])

    auth.is_away = True
    monkeypatch.setattr(published_keys, "KEPT_SECONDS", 0)

    assert keys.find(KNOWN["kid"])
    wait_until(lambda: not keys.is_answered, what="the failure")
    assert keys.find(KNOWN["kid"])
    with pytest.raises(KeysUnavailable):
        keys.find(OTHER)


@pytest.mark.usefixtures("ask_at_will")
def test_auth_that_is_still_starting_is_no_warning_and_auth_that_stays_away_is_one() -> None:
    auth = Auth(KNOWN)
    keys = PublishedKeys(auth, {"EdDSA"})
    auth.is_away = True

    with capture_logs() as at_start, pytest.raises(KeysUnavailable):
        keys.find(KNOWN["kid"])
    with capture_logs() as later, pytest.raises(KeysUnavailable):
        keys.find(KNOWN["kid"])

    assert [line["log_level"] for line in at_start] == ["info"]
    assert [line["log_level"] for line in later] == ["warning"]


@pytest.mark.usefixtures("ask_at_will")
def test_auth_that_goes_away_is_a_warning() -> None:
    auth = Auth(KNOWN)
    keys = PublishedKeys(auth, {"EdDSA"})
    keys.find(KNOWN["kid"])
    auth.is_away = True

    with capture_logs() as lines, pytest.raises(KeysUnavailable):
        keys.find(LATER["kid"])

    assert [line["log_level"] for line in lines] == ["warning"]


def test_auth_that_hangs_costs_a_bounded_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    auth = Auth(KNOWN)
    auth.may_answer.clear()
    monkeypatch.setattr(published_keys, "PATIENCE_SECONDS", 0.05)

    with pytest.raises(KeysUnavailable):
        PublishedKeys(auth, {"EdDSA"}).find(KNOWN["kid"])

    auth.may_answer.set()


def test_keys_of_other_algorithms_than_the_accepted_are_passed_over() -> None:
    both = Auth(KNOWN, new_jwk("ES256"))
    keys = PublishedKeys(both, {"ES256"})

    assert keys.find(KNOWN["kid"]) is None
    assert len(keys.names) == 1


BAD: dict[str, Callable[[], dict[str, str]]] = {
    "a shared secret": lambda: {"kty": "oct", "k": "AAAA", "alg": "HS256", "kid": OTHER, "use": "sig"},
    "RSA": lambda: {**KNOWN, "alg": "RS256"},
    "no algorithm": lambda: {key: value for key, value in KNOWN.items() if key != "alg"},
    "another algorithm on the curve": lambda: {**KNOWN, "alg": "ES256"},
    "another curve": lambda: {**KNOWN, "crv": "Ed448"},
    "another's name": lambda: {**KNOWN, "kid": OTHER},
    "a private key": lambda: {**KNOWN, "d": KNOWN["x"]},
    "a point off the curve": lambda: _named({**new_jwk("ES256"), "y": new_jwk("ES256")["x"]}),
    "half a key": lambda: _named({**KNOWN, "x": "AAAA"}),
}


def _named(jwk: dict[str, str]) -> dict[str, str]:
    from shared.chassis.signing_keys import _KINDS, _thumbprint

    return {**jwk, "kid": _thumbprint({name: jwk[name] for name in _KINDS[jwk["alg"]][2]})}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_public_key_of_ours_is_refused(name: str) -> None:
    bad = BAD[name]()
    keys = PublishedKeys(Auth(bad, KNOWN), {"EdDSA", "ES256"})

    with pytest.raises(NotAPublicKey):
        read_jwk(bad)
    assert keys.find(bad["kid"] if bad["kid"] != KNOWN["kid"] else OTHER) is None
    assert keys.names == {KNOWN["kid"]}


def test_names_are_thumbprints() -> None:
    """The example of RFC 8037 appendix A.3."""
    jwk = {
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "use": "sig", "alg": "EdDSA", "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    }  # fmt: skip

    assert public_jwk("EdDSA", read_jwk(jwk).material) == jwk  # type: ignore[arg-type]
