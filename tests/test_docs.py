"""Every block of code in the documentation is executed: pages are followed from top to bottom, as by a reader."""

import contextlib
import importlib
import json
import os
import re
import runpy
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

import didan
from didan import cli
from didan.audio import read_audio
from didan.errors import UserError
from didan.model.config import _REMOVED, _RENAMED
from didan.synthesis import make_corpus, style
from test_architecture import MODULES, module_name
from test_docstrings import exists
from tiny_encoders import make_encoder

DOCS = Path(__file__).parents[1] / "docs"
PROJECT = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
COMMANDS = "reference/commands.md"
"""The page that the site's hook makes of the commands."""
PAGES = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
BEFORE = {
    "how-to/own-corpus.md": ["tutorial.md"],
    "how-to/own-recordings.md": ["tutorial.md"],
    "how-to/pretrained.md": ["tutorial.md"],
    "how-to/serve-and-share.md": ["tutorial.md", "how-to/own-recordings.md"],
    "how-to/service.md": ["tutorial.md", "how-to/own-recordings.md"],
    "how-to/live.md": ["tutorial.md", "how-to/own-recordings.md"],
    "how-to/benchmark.md": ["tutorial.md"],
    "how-to/cluster.md": ["tutorial.md"],
}
"""Pages that begin where others end. Of those only what makes folders is done."""

LEFT = {
    "demo": "didan demo --out demo",
    "calls": "didan train --source demo/alpha/corpus.csv --target demo/beta --out calls",
}
"""Folders that pages leave behind for others, and the commands that make them."""

ELSEWHERE = {"how-to/own-method.md", "how-to/corpus-reader.md"}
"""Pages that change the package; they are followed in a copy of it, below."""

FAST = "--set optimisation.steps=2 --set optimisation.batch_size=4"
QUICK = {
    "demo": "--seeds 1 --steps 2 --speakers 2 --utterances 2",
    "train": FAST,
    "adapt": FAST,
    "benchmark": f"{FAST} --seeds 1 --workers 1",
}
_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[tuple[str, str, str]]:
    """Language, title and content of the blocks of a page."""
    return _BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))


def commands(page: str) -> list[str]:
    """What a page has its reader type."""
    consoles = [content for language, _, content in blocks(page) if language == "console"]
    return [line.removeprefix("$ ") for content in consoles for line in content.splitlines()]


def run(command: str, folder: Path, package: Path | None = None) -> str:
    program, *arguments = shlex.split(command)
    assert program == "didan"
    extra = shlex.split(QUICK.get(arguments[0], ""))
    done = subprocess.run(
        [sys.executable, "-m", "didan", *arguments, *extra],
        cwd=folder,
        env=environment(folder, package),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def launch(command: str, folder: Path) -> None:
    """Do it in several processes."""
    launched = [sys.executable, "-m", "torch.distributed.run", *shlex.split(command)[1:], *shlex.split(FAST)]
    done = subprocess.run(
        launched, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"


def run_here(command: str) -> None:
    """The same without the seconds that a new process takes, in the present folder."""
    _, *arguments = shlex.split(command)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # remarks for the user
        assert cli.run([*arguments, *shlex.split(QUICK.get(arguments[0], ""))]) == 0, command


def environment(folder: Path, package: Path | None = None) -> dict[str, str]:
    paths = {"PYTHONPATH": str(package)} if package else {}
    return {**os.environ, **paths, "DIDAN_CACHE": str(folder / "cache")}


def follow(page: str, folder: Path, ports: dict[str, str] | None = None) -> None:
    """Do what a page says."""
    names: dict[str, object] = {}
    with contextlib.ExitStack() as serving:
        for language, title, content in blocks(page):
            if title:
                (folder / title).write_text(content, encoding="utf-8")
            elif language == "python":
                exec(compile(content, page, "exec"), names)
            else:
                assert language == "console", f"a block of {language} that nobody runs"
                for line in content.splitlines():
                    assert line.startswith("$ "), line
                    command = line.removeprefix("$ ")
                    for written, here in (ports or {}).items():
                        command = command.replace(written, here)
                    if command.startswith(ELSEWHERE_DONE):
                        continue
                    if "didan serve" in command:
                        serving.close()
                        port = serving.enter_context(served(command, folder))
                    elif command.startswith("torchrun "):
                        launch(command, folder)
                    elif command.startswith("curl "):
                        ask(command.replace(":7860", f":{port}"), folder)
                    elif command.startswith("ffmpeg "):
                        pipe(command, folder)
                    else:
                        run_here(command)


ELSEWHERE_DONE = ("ray ", "docker ", "didan listen", "pip ", "python3 ", ". ")
"""What the tests of the cluster, the image and the microphone do; and to install didan, which it is already."""


@contextlib.contextmanager
def served(command: str, folder: Path) -> Iterator[int]:
    """Start a page or a service, see that it answers, and stop it; in the meantime it is at the port given."""
    port = free_port()
    before, _, options = command.partition("didan serve")
    process = subprocess.Popen(
        [sys.executable, "-m", "didan", "serve", *shlex.split(options), "--port", str(port)],
        cwd=folder,
        env=environment(folder) | dict(part.split("=", 1) for part in before.split()),
        stderr=subprocess.PIPE,
    )
    place, expected = ("healthz", b"ok") if "--api" in options else ("", b"didan")
    try:
        for _ in range(120):
            time.sleep(0.5)
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/{place}") as answer:
                    assert expected in answer.read()
                break
            except OSError:
                assert process.poll() is None, process.stderr.read() if process.stderr else ""
        else:
            pytest.fail("it never answered")
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=30)


def ask(command: str, folder: Path) -> None:
    """Do as curl is told to."""
    if shutil.which("curl") is None:
        pytest.skip("no curl on this machine")
    options = [*shlex.split(command), "--fail-with-body", "--silent", "--noproxy", "*"]
    done = subprocess.run(options, cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout.decode()}{done.stderr.decode()}"
    answers = json.loads(done.stdout)
    assert all("emotions" in one or set(one["probabilities"]) for one in answers), answers


def pipe(command: str, folder: Path) -> None:
    """Send a file's samples to a command as FFmpeg would, which need not be here."""
    decode, _, rest = command.partition(" | ")
    arguments = shlex.split(decode)
    assert arguments[3:] == ["-f", "s16le", "-ac", "1", "-ar", "16000", "-"]
    samples = (read_audio(folder / arguments[2]) * 32767).astype("<i2").tobytes()
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(rest)],
        cwd=folder,
        env=environment(folder),
        input=samples,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stderr.decode()}"
    assert [json.loads(line)["file"] for line in done.stdout.splitlines()], "no line"


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demonstration has been run and a model for its recordings been trained."""
    folder = tmp_path_factory.mktemp("docs")
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIDAN_CACHE", str(folder / "cache"))
        for command in LEFT.values():
            run_here(command)
    return folder


@pytest.mark.parametrize("page", [page for page in PAGES if page not in ELSEWHERE and page != "how-to/cluster.md"])
def test_pages_can_be_followed(page: str, after: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIDAN_CACHE", str(tmp_path / "cache"))
    earlier = [command for one in BEFORE.get(page, []) for command in commands(one)]
    for name, begins in LEFT.items():
        if begins in earlier:
            shutil.copytree(after / name, tmp_path / name)
    if page == "how-to/pretrained.md":  # what the hub would send
        make_encoder("whisper", tmp_path / "openai" / "whisper-tiny.en")
    follow(page, tmp_path)


def test_the_cluster(after: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIDAN_CACHE", str(tmp_path / "cache"))
    page = "how-to/cluster.md"
    assert [line for line in commands(page) if line.startswith("ray ")] == [
        "ray start --head --port 6379",
        "ray stop",
    ]
    shutil.copytree(after / "demo", tmp_path / "demo")
    port = free_port()
    short = Path("/tmp") / f"didan-docs-{os.getpid()}"  # paths of sockets must be short
    with (tmp_path / "ray.log").open("wb") as log:
        head = subprocess.Popen(
            [
                *(str(Path(sys.executable).with_name("ray")), "start", "--head", "--port", str(port)),
                *(
                    "--num-cpus=1",
                    "--include-dashboard=false",
                    f"--temp-dir={short}",
                    "--disable-usage-stats",
                    "--block",
                ),
            ],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        for _ in range(120):
            time.sleep(0.5)
            with socket.socket() as trying:
                if trying.connect_ex(("127.0.0.1", port)) == 0:
                    break
        time.sleep(5)
        follow(page, tmp_path, {"127.0.0.1:6379": f"127.0.0.1:{port}"})
        assert (tmp_path / "comparison" / "report.html").exists()
    finally:
        os.killpg(head.pid, signal.SIGKILL)
        head.wait(timeout=30)
        shutil.rmtree(short, ignore_errors=True)


def package_with(page: str, folder: Path) -> Path:
    """A copy of the package with the page's files and lines added."""
    copy = folder / "src"
    shutil.copytree(Path(didan.__file__).parent, copy / "didan", ignore=shutil.ignore_patterns("__pycache__"))
    files = [(title, content) for language, title, content in blocks(page) if language == "python"]
    assert len(files) == 1, "one file"
    for name, content in files:
        assert not (folder / name).exists()
        (folder / name).write_text(content, encoding="utf-8")
    for line in [content for language, _, content in blocks(page) if language == "text"]:
        registry = copy / "didan" / "methods" / "__init__.py"
        before = registry.read_text(encoding="utf-8")
        registry.write_text(before.replace('    "mdd",\n', f'    "mdd",\n{line}'), encoding="utf-8")
        assert registry.read_text(encoding="utf-8") == before.replace('"mdd",\n', f'"mdd",\n{line}')
    return copy


def test_adding_a_method(tmp_path: Path) -> None:
    package = package_with("how-to/own-method.md", tmp_path)
    for number, name in enumerate(("alpha", "beta")):
        make_corpus(
            tmp_path / name, style(name), n_speakers=2, n_per_emotion=2, emotions=("anger", "sadness"), seed=number
        )
    for command in commands("how-to/own-method.md"):
        run(command, tmp_path, package)
    assert "layer: fc1" in (tmp_path / "model" / "config.yaml").read_text()
    assert "distance" in (tmp_path / "model" / "history.csv").read_text().splitlines()[0]
    assert "mean-distance" in (tmp_path / "results" / "results.csv").read_text()


def test_adding_a_corpus(tmp_path: Path) -> None:
    package = package_with("how-to/corpus-reader.md", tmp_path)
    made = make_corpus(
        tmp_path / "made", style("alpha"), n_speakers=2, n_per_emotion=2, emotions=("happiness", "sadness"), seed=0
    )
    (tmp_path / "recordings").mkdir()
    for number, row in enumerate(made.table.itertuples()):
        speaker = {"alpha-01": "anna", "alpha-02": "berta"}[str(row.speaker)]
        word = {"happiness": "happy", "sadness": "sad"}[str(row.emotion)]
        shutil.copy(str(row.file), tmp_path / "recordings" / f"{speaker}_{word}_{number % 2}.wav")
    about, inspected = (run(command, tmp_path, package) for command in commands("how-to/corpus-reader.md"))
    assert "invented" in about
    assert "8" in inspected
    assert "happiness" in inspected


def test_old_names_are_answered_as_the_page_on_migration_says() -> None:
    rows = re.findall(
        r"^\| (.+) \| (.+) \|$", (DOCS / "how-to/migrate.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    old = {name: now for was, now in rows for name in re.findall(r"`((?:method_settings|network)\.\w+)`", was)}
    assert set(old) == {*_RENAMED, *_REMOVED}
    for name, now in old.items():
        with pytest.raises(UserError) as refused:
            didan.make_config(assignments=[f"{name}=1"])
        assert now.strip("`").split(":")[0] in str(refused.value)


def test_extras_are_those_that_there_are() -> None:
    text = (DOCS / "install.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    described = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert described == set(PROJECT["optional-dependencies"])
    for file in (DOCS.parent / "README.md", *DOCS.rglob("*.md")):
        for some in re.findall(r"'(?:didan|\.)\[([\w,]+)\]'", file.read_text(encoding="utf-8")):
            assert set(some.split(",")) <= described, file


def test_an_exported_model_needs_only_the_libraries_that_the_page_names(after: Path, tmp_path: Path) -> None:
    line = next(line for line in commands("install.md") if line.startswith("pip install av "))
    run(f"didan export {after / 'calls'} model.onnx", tmp_path)
    code = (
        "import sys\nfrom importlib.metadata import packages_distributions\nfrom didan.cli import run\n"
        f"assert run(['predict', 'model.onnx', {str(after / 'demo/beta/corpus.csv')!r}, '--format=csv']) == 0\n"
        "names, tops = packages_distributions(), {name.partition('.')[0] for name in sys.modules}\n"
        "print('loaded:', *{one for top in tops for one in names.get(top, ())})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].removeprefix("loaded: ").split())
    needed = {re.split(r"[^\w.-]", need)[0] for need in PROJECT["dependencies"]}
    assert loaded & {*needed, "onnxruntime"} <= set(line.split()[2:]) <= {*needed, "onnxruntime"}


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_only_what_exists(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert target == COMMANDS or ((DOCS / page).parent / target).exists(), target


def test_every_command_and_option_is_on_the_page() -> None:
    page = runpy.run_path(str(DOCS / "hooks.py"))["commands_page"]()
    for name, command in typer.main.get_command(cli.app).commands.items():  # type: ignore[attr-defined]
        section = page.partition(f"## `didan {name}`")[2].partition("\n## ")[0]
        for parameter in command.params:
            written = (
                parameter.metavar.strip("[]") if parameter.param_type_name == "argument" else parameter.opts[0]
            )
            assert f"* `{written}" in section or f"* `[{written}" in section, (name, written)
    nav = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    assert COMMANDS in nav
    assert all(page in nav for page in PAGES)


def shown() -> set[str]:
    """Modules and names that the reference has mkdocstrings show."""
    texts = [(DOCS / page).read_text(encoding="utf-8") for page in PAGES]
    return {one for text in texts for one in re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE)}


@pytest.mark.parametrize(
    "room",
    [
        "didan",
        "didan.alignment",
        "didan.benchmark",
        "didan.classical",
        "didan.corpora",
        "didan.features",
        "didan.inference",
        "didan.methods",
        "didan.report",
        "didan.selection",
        "didan.self_training",
    ],
)
def test_every_public_name_is_in_the_reference(room: str) -> None:
    package = importlib.import_module(room)
    assert {f"{room}.{name}" for name in package.__all__ if not {*homes(room, name)} & shown()} == set()


def homes(room: str, name: str) -> Iterator[str]:
    """What would show a name: itself, where it is exported or defined, or the module that defines it."""
    yield f"{room}.{name}"
    for file in MODULES:
        module = module_name(file)
        defines = rf"^(class|def) {name}\b|^{name}(:.+)? = "
        if f"{module}.".startswith(f"{room}.") and re.search(
            defines, file.read_text(encoding="utf-8"), re.MULTILINE
        ):
            yield module
            yield f"{module}.{name}"


def test_the_reference_shows_what_there_is() -> None:
    assert [one for one in shown() if not exists(one)] == []
