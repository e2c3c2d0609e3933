import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from didan.errors import UserError
from didan.extras import install_command, require


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let didan be installed as an installer notes it."""

    def note(origin: dict[str, Any] | None) -> None:
        folder = tmp_path / "site" / "didan-0.2.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: didan\nVersion: 0.2.0\n")
        if origin is not None:
            (folder / "direct_url.json").write_text(json.dumps(origin))
        monkeypatch.syspath_prepend(tmp_path / "site")

    return note


@pytest.mark.parametrize(
    ("origin", "wanted"),
    [
        (None, ["didan[web]"]),
        ({"url": "file:///our%20didan", "dir_info": {"editable": True}}, ["--editable", "/our didan[web]"]),
        ({"url": "file:///home/me/didan", "dir_info": {}}, ["/home/me/didan[web]"]),
        ({"url": "file:///tmp/didan-0.2.0.whl", "archive_info": {}}, ["didan[web] @ file:///tmp/didan-0.2.0.whl"]),
        (
            {"url": "https://example.org/didan.git", "vcs_info": {"vcs": "git", "commit_id": "1"}},
            ["didan[web] @ git+https://example.org/didan.git"],
        ),
    ],
)
def test_an_extra_comes_from_where_didan_came_from(
    installed: Any, origin: dict[str, Any] | None, wanted: list[str]
) -> None:
    installed(origin)
    assert shlex.split(install_command("web")) == ["pip", "install", *wanted]


def test_what_is_missing_says_how_to_install_it(installed: Any) -> None:
    installed(None)
    with pytest.raises(UserError) as caught:
        require("no_such_library", "web", "the web page")
    assert str(caught.value) == (
        "the web page needs no_such_library, which is not installed; pip install 'didan[web]'"
    )


def test_sources_that_nobody_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    assert install_command("web") == "pip install '.[web]' in a clone of didan"
    assert install_command() == "pip install '.' in a clone of didan"
