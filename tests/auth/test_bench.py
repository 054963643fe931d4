"""The parts of `make bench-auth` that only the end of a run reaches, minutes after its beginning."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.auth import __main__ as bench
from bench.auth import doorward
from services.auth.settings import AuthSettings


def test_bare_argon2_is_measured_with_the_parameters_of_production() -> None:
    settings = doorward.settings_of()

    names = ("password_hash_memory_kib", "password_hash_iterations", "password_hash_parallelism")
    assert [getattr(settings, name) for name in names] == [
        AuthSettings.model_fields[name].default for name in names
    ]


def test_report_compares_doorward_with_each_rival(capsys: pytest.CaptureFixture[str]) -> None:
    def load(rate: float) -> Any:
        return SimpleNamespace(per_second=rate, median_ms=1.0, p99_ms=2.0, busy=0, rates=[rate])

    loads = {
        (who, accounts, what): load(rate)
        for who, rate in (("doorward", 300.0), ("simplejwt", 100.0))
        for accounts in (10, 20)
        for what in ("refresh", "introspect", "sign in")
    }

    bench.report(cast("Any", loads), [10.0, 10.0])

    told = capsys.readouterr().out
    assert told.count("simplejwt") == 3 * 2 + 2
    assert "doorward's sign-ins at 20 accounts: 3000% of it" in told
