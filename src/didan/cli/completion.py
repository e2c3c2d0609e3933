"""What the Tab key offers where an argument takes a name. Where nothing is offered the shell completes paths.

Names of methods and corpora are read from the files that define them: to import these is to import torch, for
which nobody waits at a prompt.
"""

import itertools
import re
from collections.abc import Iterable
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_SVM = [
    f"svm-{kernel}-{by}" for kernel, by in itertools.product(("linear", "rbf"), ("source", "corpus", "speaker"))
]
_FEATURES = ("functionals", "pretrained", "spectrogram")


def methods(incomplete: str) -> list[str]:
    """Of networks, as ``--method`` of training takes them.

    >>> methods("di")
    ['didan']
    """
    return _beginning(_defined_in("methods"), incomplete)


def benchmarked(incomplete: str) -> list[str]:
    """All that a benchmark compares.

    >>> benchmarked("t")
    ['t3a', 'target-only', 'tca', 'tjm']
    """
    others = [*_defined_in("classical"), *_SVM, "t3a", "lame", "target-only", "all"]
    return _beginning([*_defined_in("methods"), *others], incomplete)


def models(incomplete: str) -> list[str]:
    """Models that ship with didan; of the others, which are folders, the shell knows more.

    >>> models("b")
    ['base']
    """
    shipped = (file.parent.name for file in _PACKAGE.glob("model/shipped/*/config.yaml"))
    return _beginning(shipped, incomplete) if incomplete else []


def corpora(incomplete: str) -> list[str]:
    """Corpora that are known by name.

    >>> corpora("emo")
    ['emodb', 'emovo']
    """
    return _beginning(_defined_in("corpora/known"), incomplete)


def corpus_arguments(incomplete: str) -> list[str]:
    """``NAME=PATH``, up to where the path begins, from here or from the root: no space follows what can go on.

    >>> corpus_arguments("emod")
    ['emodb=./', 'emodb=/']
    >>> corpus_arguments("")  # a table or a folder, as likely as a name
    []
    """
    return [f"{name}={path}" for name in corpora(incomplete) if incomplete for path in ("./", "/")]


def frontends(incomplete: str) -> list[str]:
    """Features, several joined by ``+``.

    >>> frontends("functionals+p")
    ['functionals+pretrained']
    """
    before, plus, last = incomplete.rpartition("+")
    return [f"{before}{plus}{kind}" for kind in _beginning(_FEATURES, last) if kind not in before.split("+")]


def benchmark_features(incomplete: str) -> list[str]:
    """Features of a benchmark."""
    return [*frontends(incomplete), *_beginning(["pooled"], incomplete)]


def groups(incomplete: str) -> list[str]:
    """What ``--group`` takes beside columns.

    >>> groups("f")
    ['file', 'folder']
    """
    return _beginning(["speaker", "file", "folder", "none"], incomplete)


def presets(incomplete: str) -> list[str]:
    """Of a benchmark."""
    return _beginning(["paper"], incomplete)


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))


def _defined_in(folder: str) -> list[str]:
    """Names in the definitions of a folder's files, one a file."""
    texts = (file.read_text(encoding="utf-8") for file in (_PACKAGE / folder).glob("*.py"))
    return [found[1] for text in texts if (found := re.search(r'^    name="([a-z\d-]+)",$', text, re.MULTILINE))]
