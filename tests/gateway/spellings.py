"""More attacks on the wire, beside ``corpus``: spellings of paths, and fields that come twice."""

# ruff: noqa: E501

from tests.gateway.corpus import HOST, PATH, Case

BASE = "/api/v1/auth"
# Unreserved characters may be written with a percent sign, and are the same (RFC 3986 section 6.2.2.2).
SPELLED = [
    "/api/v1/%61uth/x", "/api/v1/%61%75%74%68/x", "/%61pi/v1/auth/x", "/%61%70%69/%76%31/auth/x", "/api/v%31/auth/x",
    "/api/v1/a%75th/x", "/api/v1/aut%68/x", "/api/v1/aut%68/", "/api/v1/aut%68", "/api/%76%31/auth/%78", f"{BASE}/%78",
    f"{BASE}/%7e", f"{BASE}/%7E", f"{BASE}/%2d", f"{BASE}/%2D", f"{BASE}/%5f", f"{BASE}/%5F", f"{BASE}/%30%39",
    f"{BASE}/%41%5A", f"{BASE}/x/", f"{BASE}/%6cogin", f"{BASE}/%6Cogin/", f"{BASE}/login%2dx", f"{BASE}/x?%61=%62",
]  # fmt: skip
# What is no letter stays as it is, and hides nothing.
HARMLESS = [f"{BASE}/x%{ord(character):02X}y" for character in "!$&'()*+,:=@ \"<>[]^`{}|#?"] + [
    f"{BASE}/{text}" for text in ("%E2%82%AC", "%f0%9f%98%80", "%C4%B1", "%E2%84%AA", "%C5%BF", "%EF%BC%8F", "%C3%9F")
]  # fmt: skip
CONTROLS = [f"{BASE}/x%{code:02x}y" for code in (*range(1, 32), 127)]
BROKEN = [
    f"{BASE}/{text}" for text in (
        "%e0%80%af", "%f0%80%80%af", "%c1%9c", "%ed%a0%80", "%f5%80%80%80", "%80", "%c3", "%c3x", "%fe", "%fc%80%80%80%80%af",
        "%2561", "%25%36%31", "%252561", "%2e", "%2E", "x%2ey", "%2e%61", ".%2E/x", "%2e/x", "%2E%2E/x", "x/%2e%2e", "x/.%2e",
        "%2f", "%2F", "x%2Fy", "%2f%2f", "%5c", "%5C", "x%5Cy", "%3b", "%3B", "x%3By", ";", "x;", ";x", "x;/y", "x/;y", "x\\", "\\",
        "//x", "x//y", "./x", "../x", "x/..", "x/.", "x/./y", "x/../y", "%6", "%6g", "%g1", "%%61", "%u0061", "%0x61", "% 61",
    )
]  # fmt: skip
ELSEWHERE = [
    "/api/v1/auth%20/x", "/api/v1/%20auth/x", "/api/v1/auth%3a/x", "/api/v1/Auth/x", "/api/v1/%41uth/x", "/API/v1/auth/x",
    "/api/v1/auth%c2%a0/x", "/api/v1/%e2%80%8bauth/x", "/api/v1/aut/x", "/api/v1/%61ut/x", "/api/%561/auth/x", "/%41pi/v1/auth/x",
]  # fmt: skip
TWICE = {
    "Authorization": ("Bearer a", "Bearer b"),
    "X-API-Key": ("a", "b"),
    "Origin": ("https://app.example.org", "https://evil.example"),
    "Content-Type": ("text/plain", "application/json"),
    "Sec-Fetch-Site": ("same-origin", "cross-site"),
    "Token-Delivery": ("cookie", "cookie"),
}
OFTEN = {
    "Accept": ("a/b", "c/d"),
    "X-A": ("1", "2"),
    "Forwarded": ("for=1.2.3.4", "for=5.6.7.8"),
    "Via": ("1.1 a", "1.1 b"),
}


def _get(target: str, fields: str = "") -> bytes:
    return f"GET {target} HTTP/1.1\r\n{HOST}{fields}\r\n".encode("latin-1")


def _doubled() -> list[Case]:
    cases = []
    for name, (one, other) in TWICE.items():
        for kind, fields in {
            "twice": f"{name}: {one}\r\n{name}: {other}\r\n",
            "twice alike": f"{name}: {one}\r\n{name}: {one}\r\n",
            "twice in other letters": f"{name.lower()}: {one}\r\n{name.upper()}: {other}\r\n",
            "twice with another between": f"{name}: {one}\r\nX-A: 1\r\n{name}: {other}\r\n",
            "twice, once empty": f"{name}: {one}\r\n{name}:\r\n",
        }.items():
            cases.append(Case(f"fields: {name} {kind}", _get(PATH, fields), "refused"))
    for name, (one, other) in OFTEN.items():
        cases.append(
            Case(f"fields: {name} twice", _get(PATH, f"{name}: {one}\r\n{name}: {other}\r\n"), "exact")
        )
    return cases


CASES = [
    *(Case(f"spelling {target!r}", _get(target), "exact") for target in (*SPELLED, *HARMLESS)),
    *(Case(f"spelling {target!r}", _get(target), "refused") for target in (*CONTROLS, *BROKEN, *ELSEWHERE)),
    *_doubled(),
]
