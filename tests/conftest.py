"""What every test has: the real servers of the run."""

pytest_plugins = ["shared.chassis.testing.plugin"]
