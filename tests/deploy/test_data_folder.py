"""The data folder: one runner at a time, no halves, and a sentence for everything that is wrong."""

import json
import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from deploy.local import credentials, folder, ports
from deploy.local.errors import AlreadyRunning, FolderUnusable, PortInUse
from deploy.local.folder import DataFolder


@pytest.fixture
def data(tmp_path: Path) -> Iterator[DataFolder]:
    made = DataFolder(tmp_path / "data")
    yield made
    made.release()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_made_once_and_only_their_owner_reads_them(data: DataFolder) -> None:
    first = credentials.ensure(data)
    again = credentials.ensure(data)

    assert first == again
    assert len(set(first.values())) == len(credentials.NAMES)
    assert all(len(secret) >= 43 for secret in first.values())
    assert mode(data.path / credentials.FILE) == 0o600
    assert mode(data.path) & 0o066 == 0


def test_secret_that_a_newer_version_needs_is_added(data: DataFolder) -> None:
    data.write(credentials.FILE, {"jwt_secret_key": "kept"})

    complete = credentials.ensure(data)

    assert complete["jwt_secret_key"] == "kept"
    assert set(complete) == {*credentials.NAMES, "auth_previous_secret_keys"}
    assert complete["auth_previous_secret_keys"] == "kept"  # until now auth sealed with that
    assert credentials.ensure(data) == complete


@pytest.mark.parametrize("content", [None, "", '{"jwt_secret_key": "ha'])
def test_lost_secrets_beside_databases_stop_the_start(data: DataFolder, content: str | None) -> None:
    (data.path / "postgres").mkdir()
    if content is not None:
        (data.path / credentials.FILE).write_text(content)

    with pytest.raises(FolderUnusable, match=r"secrets\.json (is missing|cannot be read)"):
        credentials.ensure(data)


def test_write_that_is_interrupted_leaves_the_old_content(
    data: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.write("ports.json", {"postgres": 1})
    monkeypatch.setattr(os, "fsync", _full_disk)

    with pytest.raises(FolderUnusable, match=r"The disk of .* is full"):
        data.write("ports.json", {"postgres": 2})

    assert data.read("ports.json") == {"postgres": 1}


def test_second_runner_is_refused_with_the_first_ones_number(data: DataFolder) -> None:
    with pytest.raises(AlreadyRunning, match=rf"already runs on .* \(process {os.getpid()}\)"):
        DataFolder(data.path)


def test_lock_of_a_killed_runner_does_not_hold(tmp_path: Path) -> None:
    (tmp_path / folder.LOCK).write_text("4194304")

    taken = DataFolder(tmp_path)

    assert taken.was_left_in_disorder
    taken.release()


def test_folder_that_was_released_is_in_order(tmp_path: Path) -> None:
    DataFolder(tmp_path).release()

    taken = DataFolder(tmp_path)

    assert not taken.was_left_in_disorder
    taken.release()


def test_full_disk_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(5 * 2**20))

    with pytest.raises(FolderUnusable, match="is full: 5 MiB are free and 256 MiB are needed"):
        DataFolder(tmp_path / "data")


def test_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    with pytest.raises(FolderUnusable, match=r"cannot be used \(File exists: .*data\)"):
        DataFolder(tmp_path / "data")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a read-only file system")
def test_read_only_folder_is_named(tmp_path: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip("nothing may be mounted here")

    try:
        with pytest.raises(FolderUnusable, match="Read-only file system"):
            DataFolder(tmp_path / "data")
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_of_somebody_else_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(FolderUnusable, match="Permission denied"):
        DataFolder(tmp_path / "data")
    tmp_path.chmod(0o700)


def test_busy_ports_are_all_named_with_their_variables(data: DataFolder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        taken = {"GATEWAY_PORT": one.getsockname()[1], "AUTH_PORT": two.getsockname()[1]}

        with pytest.raises(PortInUse, match=r"Ports \d+ \(GATEWAY_PORT\), \d+ \(AUTH_PORT\) are in use"):
            ports.choose(data, taken)


def test_one_port_for_two_processes_is_refused(data: DataFolder, open_port: int) -> None:
    with pytest.raises(PortInUse, match=rf"GATEWAY_PORT and AUTH_PORT are both {open_port}"):
        ports.choose(data, {"GATEWAY_PORT": open_port, "AUTH_PORT": open_port})


def test_chosen_ports_are_remembered(data: DataFolder) -> None:
    first = ports.choose(data, {"GATEWAY_PORT": 0})
    again = ports.choose(data, {"GATEWAY_PORT": 0})

    assert first == again
    assert len(set(first.values())) == 3


def test_ports_that_nobody_set_are_distinct_and_none_that_a_client_may_be_given(data: DataFolder) -> None:
    names = [f"SERVICE_{number}_PORT" for number in range(300)]

    chosen = ports.choose(data, dict.fromkeys(names, 0))

    assert len(set(chosen.values())) == len(names) + 2
    assert max(chosen.values()) < 32_768  # Linux's first for outgoing connections


def test_search_for_a_port_goes_on_from_the_lowest(data: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda port: port in {2000, 2001})

    assert ports.choose(data, {}) == {ports.POSTGRES: 2000, ports.VALKEY: 2001}


def test_remembered_port_that_is_taken_since_is_replaced(data: DataFolder, busy_port: int) -> None:
    data.write(ports.FILE, {ports.POSTGRES: busy_port})

    assert ports.choose(data, {})[ports.POSTGRES] != busy_port


def test_ports_of_a_killed_runner_are_waited_for(
    data: DataFolder, busy_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([False, False, True])
    monkeypatch.setattr(data, "_was_dirty", True)
    monkeypatch.setattr(ports, "is_free", lambda _port: next(answers, True))

    assert ports.choose(data, {"GATEWAY_PORT": busy_port})["GATEWAY_PORT"] == busy_port


def test_state_is_json_that_only_the_owner_reads(data: DataFolder) -> None:
    data.write("state.json", {"processes": {"auth": 1}})

    assert json.loads((data.path / "state.json").read_text()) == {"processes": {"auth": 1}}
    assert mode(data.path / "state.json") == 0o600


def _full_disk(_descriptor: int) -> None:
    raise OSError(28, "No space left on device")
