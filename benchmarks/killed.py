"""Kill commands at random moments, go on with them, and compare what they leave with that of one left in peace.

    python -m benchmarks.killed [--kills 20] [--only train] [--seed 0] [--record FILE]

``didan features``, ``train``, ``adapt`` and ``benchmark``, each on small synthetic corpora. SIGKILL hits the
command itself at any moment from its start to its end; the processes that it has started must notice and end. All
results must be the same to the last bit, with nothing lying beside them. Linux only.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.record import kept, record_parser
from didan.files import as_json
from didan.records import records_by_name
from didan.synthesis import make_corpus, style

EMOTIONS = ("anger", "neutral", "sadness")
_SECONDS_TO_NOTICE = 120.0  # one that is still importing cannot


@dataclass(frozen=True)
class Story:
    """A command that can be killed.

    Attributes:
        arguments: for corpora in one folder, to write into another.
        again: what is added to go on.
        check: of what it has written so far, whatever that is.
    """

    arguments: Callable[[Path, Path], list[str]]
    again: tuple[str, ...] = ()
    check: Callable[[Path], object] = lambda folder: None


def _table(corpora: Path, name: str) -> str:
    return str(corpora / name / "corpus.csv")


STORIES = {
    "features": Story(
        lambda corpora, out: [
            *("features", _table(corpora, "beta"), f"--out={out / 'table.csv'}", f"--cache={out / 'cache'}")
        ]
    ),
    "train": Story(
        lambda corpora, out: [
            *("train", f"--source={_table(corpora, 'alpha')}", f"--target={_table(corpora, 'beta')}"),
            *("--set=optimisation.steps=150", f"--out={out / 'model'}", f"--cache={out / 'cache'}"),
        ],
        ("--resume",),
    ),
    "adapt": Story(
        lambda corpora, out: [
            *("adapt", "base", str(corpora / "beta"), "--set=optimisation.steps=150"),
            *(f"--out={out / 'model'}", f"--cache={out / 'cache'}"),
        ],
        ("--resume",),
    ),
    "benchmark": Story(
        lambda corpora, out: [
            *("benchmark", f"--corpus={_table(corpora, 'alpha')}", f"--corpus={_table(corpora, 'beta')}"),
            *("--method=source-only", "--method=didan", "--method=svm-linear-corpus", "--features=pooled"),
            *("--seeds=1", "--set=optimisation.steps=20", "--workers=2"),
            *(f"--out={out / 'benchmark'}", f"--cache={out / 'cache'}"),
        ],
        check=lambda out: records_by_name(out / "benchmark"),  # none is half-written
    ),
}


def start(story: Story, corpora: Path, out: Path, again: bool) -> subprocess.Popen[bytes]:
    """The command, in a session of its own."""
    out.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "didan", *story.arguments(corpora, out), *(story.again if again else ())]
    with (out.parent / "errors").open("ab") as errors:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True)


def orphans(session: int) -> list[int]:
    """Processes of a session that are still there, other than those that have ended and nobody has asked after."""
    left = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, of = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:  # it has just ended
            continue
        if int(of) == session and state != "Z":
            left.append(int(stat.parent.name))
    return left


def kill(process: subprocess.Popen[bytes]) -> float:
    """Kill a command, and wait until the processes that it has started have noticed; how many seconds that took.

    Raises:
        RuntimeError: they do not.
    """
    process.kill()
    process.wait()
    begun = time.perf_counter()
    while left := orphans(process.pid):
        if time.perf_counter() - begun > _SECONDS_TO_NOTICE:
            os.killpg(process.pid, signal.SIGKILL)
            raise RuntimeError(f"{left} go on after the process that started them has been killed")
        time.sleep(0.02)
    return time.perf_counter() - begun


def contents(out: Path) -> dict[str, bytes]:
    """What there is, by name, without how long anything took."""
    found = {}
    for file in sorted(file for file in out.rglob("*") if file.is_file()):
        content = file.read_bytes()
        if file.suffix in (".yaml", ".md", ".html"):
            content = re.sub(rb"(?m)^.*(?:seconds|peak_memory_mb).*$", b"", content)
        found[str(file.relative_to(out))] = content
    return found


def differences(peace: dict[str, bytes], killed: dict[str, bytes]) -> list[str]:
    """What differs; of the cache and of what tells how long things took, only which files there are."""
    return [
        f"{'no ' if name not in killed else 'orphan ' if name not in peace else ''}{name}"
        for name in sorted({*peace, *killed})
        if (name in peace) != (name in killed) or (peace[name] != killed[name] and _matters(name))
    ]


def _matters(name: str) -> bool:
    return not name.startswith("cache") and not name.endswith(("records.jsonl.gz", "costs.csv", ".svg", ".html"))


def tell(name: str, corpora: Path, folder: Path, n_kills: int, chance: random.Random) -> dict[str, object]:
    """Kill a command so many times, and say what came of it."""
    story, wrong, slowest, ended = STORIES[name], set[str](), 0.0, 0
    begun = time.perf_counter()
    if start(story, corpora, folder / "peace", again=False).wait():
        raise RuntimeError((folder / "errors").read_text())
    whole, peace = time.perf_counter() - begun, contents(folder / "peace")
    out, again, kills = folder / "killed", False, 0
    while True:
        process = start(story, corpora, out, again)
        if kills < n_kills:
            try:
                process.wait(chance.uniform(0, whole))
            except subprocess.TimeoutExpired:
                slowest = max(slowest, kill(process))
                kills, again = kills + 1, True
                story.check(out)
                if (out / "model").exists():  # after the last word: to go on is refused, there is nothing to do
                    wrong |= set(differences(peace, contents(out)))
                    shutil.rmtree(out)
                continue
        if process.wait():
            raise RuntimeError((folder / "errors").read_text())
        ended += 1
        wrong |= set(differences(peace, contents(out)))
        if kills == n_kills:
            break
        shutil.rmtree(out)
        again = False
    return {
        "kills": kills,
        "ended": ended,
        "seconds_in_peace": round(whole, 1),
        "slowest_s_to_notice": round(slowest, 2),
        "files": len(peace),
        "differences": sorted(wrong),
    }


def main() -> None:
    parser = record_parser(__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--only", choices=STORIES)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance, told = random.Random(arguments.seed), {}
    with tempfile.TemporaryDirectory() as temporary:
        for number, name in enumerate(("alpha", "beta")):
            place = Path(temporary, "corpora", name)
            make_corpus(place, style(name), n_speakers=4, n_per_emotion=3, emotions=EMOTIONS, seed=number)
        for name in STORIES:
            if arguments.only in (None, name):
                folder = Path(temporary, name)
                folder.mkdir()
                told[name] = tell(name, Path(temporary, "corpora"), folder, arguments.kills, chance)
                print(name, as_json(told[name]), flush=True)
    kept({"commands": told}, arguments.record)
    sys.exit(1 if any(one["differences"] for one in told.values()) else 0)


if __name__ == "__main__":
    main()
