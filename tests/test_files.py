"""Files are written whole, through links and to what is no file."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from didan.errors import UserError
from didan.files import as_json, written_whole


def write(file: Path, text: str = "new") -> None:
    with written_whole(file) as partial:
        partial.write_text(text)


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there/a.json").write_text("old")
    (tmp_path / "link.json").symlink_to("there/a.json")
    (tmp_path / "new.json").symlink_to("there/b.json")
    write(tmp_path / "link.json")
    write(tmp_path / "new.json")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "new.json").is_symlink()
    assert [(tmp_path / "there" / name).read_text() for name in ("a.json", "b.json")] == ["new", "new"]
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["a.json", "b.json"]


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text()))
    reader.start()
    write(tmp_path / "pipe")
    reader.join(10)
    assert read == ["new"]
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("redirected", [True, False])
@pytest.mark.parametrize("name", ["/dev/stdout", "link", "/proc/self/fd/1"])
def test_standard_output_by_its_name(tmp_path: Path, redirected: bool, name: str) -> None:
    if name == "link":
        (tmp_path / "link").symlink_to("/proc/self/fd/1")
        name = str(tmp_path / "link")
    if not Path("/proc/self/fd").exists():
        pytest.skip("no /proc here")
    program = (
        "from pathlib import Path\nfrom didan.files import written_whole\nprint('before')\n"
        f"with written_whole(Path({name!r})) as partial:\n    partial.write_text('new\\n')\nprint('after')\n"
    )
    with (tmp_path / "out").open("w+") as out:
        done = subprocess.run(
            [sys.executable, "-c", program], check=True, stdout=out if redirected else subprocess.PIPE, text=True
        )
        out.seek(0)
        assert (out.read() if redirected else done.stdout) == "before\nnew\nafter\n"


def test_a_device_and_a_folder(tmp_path: Path) -> None:
    write(Path("/dev/null"))
    assert not Path("/dev/null").is_file()
    if Path("/dev/full").exists():
        with pytest.raises(UserError, match="cannot write /dev/full \\(no space left on device\\)"):
            write(Path("/dev/full"))
    with pytest.raises(UserError, match="it is a folder"):
        write(tmp_path)


def test_nothing_is_left_of_what_fails(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")

    def fail() -> None:
        with written_whole(tmp_path / "a") as partial:
            partial.write_text("half")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_json_has_no_nan() -> None:
    value = {"a": float("nan"), "b": [1.5, float("-inf"), {"c": (float("inf"), "é", None, True)}]}
    assert json.loads(as_json(value), parse_constant=pytest.fail) == {
        "a": None,
        "b": [1.5, None, {"c": [None, "é", None, True]}],
    }
