"""The Doorward that most system tests share: started by the test kit, as a team starts it from a checkout.

`backend.py` starts processes one by one instead, for tests that kill, flood or configure them.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from doorward_testkit.local import LocalBackend

from shared.chassis.testing.processes import uncounted
from tests.system.stored import Stored


class Kit(LocalBackend, Stored):
    """The kit's Doorward, and what only the tests of this repository know of it: its environment."""

    def __init__(self, **settings: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            # What is measured is the code of the tests' own processes: the others would only be slower.
            for name in os.environ.keys() - uncounted(dict(os.environ)).keys():
                patch.delenv(name)
            super().__init__(str(Path(sys.executable).with_name("doorward")), settings)

    @property
    def environment(self) -> Mapping[str, str]:  # type: ignore[override]
        """What its processes run with."""
        state = json.loads((self.data_dir / "state.json").read_text())
        environment: Mapping[str, str] = state["environment"]
        return environment
