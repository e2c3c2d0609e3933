"""Features made on a cluster of which a node dies half-way."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from didan.audio import RATE, Utterance, read_audio
from didan.errors import AudioError, UserError
from didan.features import FunctionalsSettings, build_frontend, extract_features
from didan.features.extraction import extract_utterances
from ray_cluster import free_port, kill, two_nodes

pytest.importorskip("ray", reason="Ray is not installed")

N_FILES = 64


def test_nothing_is_lost_when_a_node_dies(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.wav" for number in range(N_FILES)]
    for number, file in enumerate(files):
        noise = np.random.default_rng(number).integers(-3000, 3000, 3 * RATE, dtype=np.int16)
        soundfile.write(file, noise, RATE)
    files[7].write_text("no audio")
    settings, damaged, done = FunctionalsSettings(), list[AudioError](), list[int]()
    with two_nodes(tmp_path) as (address, second):

        def kill_second(stage: str, n: int, total: int) -> None:
            if not done:
                kill(second)
            done.append(n)

        extracted = extract_utterances(
            [Utterance(file) for file in files],
            settings,
            tmp_path / "cache",
            ray=address,
            progress=kill_second,
            on_damaged=damaged.append,
        )
    assert done == list(range(1, N_FILES + 1))
    assert [str(files[7]) in str(error) for error in damaged] == [True]
    assert extracted.rows == [row for row in range(N_FILES) if row != 7]
    frontend = build_frontend(settings)
    for index in (0, 6, 7, 40, 62):
        by_hand = extract_features(frontend, read_audio(files[extracted.rows[index]]))
        np.testing.assert_allclose(extracted.features[index], by_hand, rtol=1e-4, atol=1e-4)


def test_no_cluster_at_the_address_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no Ray cluster answers there"):
        extract_utterances([], FunctionalsSettings(), tmp_path, ray=f"127.0.0.1:{free_port()}")
