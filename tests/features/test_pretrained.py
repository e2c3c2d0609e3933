"""Encoders as a frontend: which frames and layers, windows, batches; and fused with other frontends."""

from pathlib import Path

import numpy as np
import pytest
import torch

from didan.audio import RATE
from didan.corpora import Corpus
from didan.errors import AudioError, UserError
from didan.features import (
    Block,
    FrontendSettings,
    Functionals,
    FunctionalsSettings,
    Fusion,
    FusionSettings,
    Moments,
    Normaliser,
    Pretrained,
    PretrainedSettings,
    Spectrogram,
    SpectrogramSettings,
    blocks_of,
    build_frontend,
    extract,
    extract_features,
    extraction,
    found,
    parts_of,
    scaled_blocks,
)
from didan.features import pretrained as module
from didan.features.encoders import build_encoder, locate
from didan.features.frontend import extract_batch
from didan.model.config import make_config
from didan.typing import Samples
from features.batches import clips
from speech.talk import noise, silence, talk
from tiny_encoders import make_encoder


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder("wav2vec2", tmp_path_factory.mktemp("pretrained") / "wav2vec2")


@pytest.fixture(scope="session")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder("whisper", tmp_path_factory.mktemp("pretrained") / "whisper")


def frontend(folder: Path, **settings: object) -> Pretrained:
    made = build_frontend(PretrainedSettings.model_validate({"model": str(folder), **settings}).found())
    assert isinstance(made, Pretrained)
    return made


def hidden(folder: Path, samples: Samples, layers: tuple[int, ...]) -> torch.Tensor:
    """The mean of hidden states of one clip, shape (frames, width)."""
    encoder, _, _ = build_encoder(locate(str(folder)))
    with torch.inference_mode():
        states, _ = encoder(torch.from_numpy(samples)[None], torch.tensor([len(samples)]), max(layers))
    return torch.stack([states[layer][0] for layer in layers]).mean(dim=0)


@pytest.mark.parametrize("layers", [None, (0,), (3, 1)])
def test_the_vector_is_mean_and_deviation_of_the_layers_over_all_of_even_speech(
    layers: tuple[int, ...] | None, encoder: Path
) -> None:
    samples = noise(1.0, 0.1)
    (vector,) = extract_features(frontend(encoder, layers=layers), samples)
    states = hidden(encoder, samples, layers or (1, 2))
    expected = np.concatenate([states.mean(dim=0), states.std(dim=0, correction=0)])
    np.testing.assert_allclose(vector, expected, atol=1e-4)
    (mean,) = extract_features(frontend(encoder, layers=layers, pooling="mean"), samples)
    np.testing.assert_array_equal(mean, vector[:32])


def test_pauses_are_left_out(encoder: Path) -> None:
    """Frames of silence are heard by the encoder, as part of what surrounds them, and not averaged."""
    samples = np.concatenate([noise(0.6, 0.1, 1), silence(1.0), noise(0.4, 0.1, 2)])
    states = hidden(encoder, samples, (1, 2))
    times = (0.02 * np.arange(len(states))) + 0.0125
    loud = (times < 0.6) | (times > 1.6)
    (vector,) = extract_features(frontend(encoder, pooling="mean"), samples)
    every = states.mean(dim=0).numpy()
    only = states[torch.from_numpy(loud)].mean(dim=0).numpy()
    # At the edges it is a matter of a frame.
    assert np.abs(vector - only).max() < 0.2 * np.abs(every - only).max()


def test_frames_are_means_of_tenths_of_a_second(encoder: Path) -> None:
    samples = noise(1.15, 0.1)
    made = extract_features(frontend(encoder, pooling="frames"), samples)
    states = hidden(encoder, samples, (1, 2))
    expected = np.stack([part.mean(dim=0) for part in torch.split(states, 5)])
    np.testing.assert_allclose(made, expected, atol=1e-5)


def test_frames_in_a_batch_and_of_long_recordings(whisper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = frontend(whisper, pooling="frames")
    short, long = noise(0.33, 0.1), noise(2.5, 0.1)
    for own, clip in zip(extract_batch(made, [long, short]), [long, short], strict=True):
        np.testing.assert_allclose(own, extract_features(made, clip), atol=1e-5)
    monkeypatch.setattr(module, "LONGEST", RATE)
    whole = np.concatenate([extract_features(made, long[start : start + 14_400]) for start in (0, 14_400, 28_800)])
    np.testing.assert_allclose(extract_features(made, long), whole, atol=1e-5)  # three windows of 0.9 s
    np.testing.assert_allclose(extract_batch(made, [short, long])[1], whole, atol=1e-5)


@pytest.mark.parametrize("name", ["wav2vec2", "whisper"])
def test_a_batch_gives_what_single_clips_give(name: str, request: pytest.FixtureRequest) -> None:
    made = frontend(request.getfixturevalue("encoder" if name == "wav2vec2" else "whisper"))
    batch = list(clips())
    together = extract_batch(made, batch)
    for own, clip in zip(together, batch, strict=True):
        np.testing.assert_allclose(own, extract_features(made, clip), atol=1e-5, rtol=1e-5)


def test_long_recordings_go_through_in_windows(whisper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, samples = frontend(whisper), talk(8)
    seen: list[int] = []
    encode = made.encoder
    assert isinstance(encode, torch.nn.Module)
    encode.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[1]))
    extract_features(made, samples)
    monkeypatch.setattr(module, "LONGEST", 2 * RATE)
    extract_features(made, samples)
    assert seen[0] == len(samples)
    assert len(seen) == 1 + -(-len(samples) // (2 * RATE))
    assert max(seen[1:]) <= 2 * RATE
    assert max(seen[1:]) - min(seen[1:]) < 0.3 * RATE


def test_statistics_of_windows_are_those_of_their_frames(encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two windows whose frames are known: of a clip, and of the same clip again."""
    clip = noise(0.96, 0.1)
    made = frontend(encoder)
    monkeypatch.setattr(module, "LONGEST", len(clip))
    (alone,) = extract_features(made, clip)
    (twice,) = extract_features(made, np.concatenate([clip, clip]))
    np.testing.assert_allclose(twice, alone, atol=1e-5)


def test_a_gpu_takes_batches_and_stores_what_one_by_one_gives(
    encoder: Path, tiny_corpora: tuple[Corpus, Corpus], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = PretrainedSettings(model=str(encoder)).found()
    target = tiny_corpora[1].unlabelled()
    one_by_one = extract(target, settings, tmp_path / "cpu")
    with monkeypatch.context() as patch:
        patch.setattr(extraction, "runs_on_gpu", lambda settings: True)
        patch.setattr(extraction, "extract_features", None)
        in_batches = extract(target, settings, tmp_path / "gpu")
    monkeypatch.setattr(extraction, "read_audio", None)
    again = extract(target, settings, tmp_path / "gpu")  # finds all there
    for row in range(len(target)):
        np.testing.assert_allclose(in_batches.features[row], one_by_one.features[row], atol=1e-5, rtol=1e-5)
        np.testing.assert_array_equal(again.features[row], in_batches.features[row])
    assert in_batches.contents.equals(one_by_one.contents)


def test_a_clip_shorter_than_a_frame_is_refused(encoder: Path) -> None:
    with pytest.raises(AudioError, match=r"6 ms are shorter than one frame of the encoder \(25 ms\)"):
        extract_features(frontend(encoder), noise(0.00625, 0.1))


def test_what_the_features_depend_on_is_their_identity(encoder: Path, tmp_path: Path) -> None:
    settings = PretrainedSettings(model=str(encoder)).found()
    (tmp_path / "elsewhere").symlink_to(encoder)
    moved = PretrainedSettings(model=str(tmp_path / "elsewhere")).found()
    assert moved.identity() == settings.identity()
    others = [
        settings.model_copy(update={"layers": (1,)}),
        settings.model_copy(update={"pooling": "mean"}),
        settings.model_copy(update={"sha256": "0" * 64}),
        settings.model_copy(update={"setup": "0" * 64}),
    ]
    assert all(other.identity() != settings.identity() for other in others)


# Fusion


def fused(kind: str, **settings: object) -> FrontendSettings:
    return make_config(frontend=kind, data={"frontend": settings}).frontend


def test_fused_features_stand_side_by_side(encoder: Path) -> None:
    settings = fused("functionals+pretrained+spectrogram", model=str(encoder), bands=20)
    parts = parts_of(settings)
    assert [part.kind for part in parts] == ["functionals", "pretrained", "spectrogram"]
    made, samples = build_frontend(settings), talk(3)
    assert isinstance(made, Fusion)
    (vector,) = extract_features(made, samples)
    log_mel = extract_features(build_frontend(parts[2]), samples)
    expected = [
        extract_features(build_frontend(parts[0]), samples)[0],
        extract_features(build_frontend(parts[1]), samples)[0],
        log_mel.mean(axis=0),
        log_mel.std(axis=0),
    ]
    np.testing.assert_allclose(vector, np.concatenate(expected), atol=1e-3, rtol=1e-4)
    widths = [block.width for block in blocks_of(settings)]
    assert widths == [552, 64, 40]
    assert made.n_bands == len(made.feature_names) == len(set(made.feature_names)) == sum(widths)


def test_several_encoders_are_fused(encoder: Path, whisper: Path) -> None:
    settings = fused("pretrained", models=[str(encoder), str(whisper)], pooling="mean")
    made = build_frontend(settings)
    assert settings.kind == "pretrained+pretrained"
    assert blocks_of(settings) == (Block(32, 1), Block(32, 1))
    assert len(set(made.feature_names)) == made.n_bands == 64
    beside = fused("functionals+pretrained", models=[str(encoder), str(whisper)])
    assert beside.kind == "functionals+pretrained+pretrained"


def test_no_block_drowns_the_others() -> None:
    """Lengths of normalised blocks are in the ratio asked for, and that of the whole is as without scales."""
    rng = np.random.default_rng(0)
    widths, ratio = [10, 300, 40], np.array([0.25, 0.25, 1.0])
    blocks = scaled_blocks(widths, ratio.tolist())
    features = [rng.normal(3, 5, (1, sum(widths))).astype(np.float32) for _ in range(50)]
    statistics = Normaliser.fit([Moments.of(one) for one in features], 20, blocks).statistics()
    scaled = np.concatenate([statistics.apply(one) for one in features])
    squares = [np.square(part).sum(axis=1).mean() for part in np.split(scaled, np.cumsum(widths)[:-1], axis=1)]
    np.testing.assert_allclose(squares / np.sum(squares), ratio**2 / np.sum(ratio**2), rtol=1e-3)
    assert np.sum(squares) == pytest.approx(sum(widths), rel=1e-3)


def test_hidden_states_count_for_more(encoder: Path, whisper: Path) -> None:
    settings = fused("functionals+pretrained+spectrogram", models=[str(encoder), str(whisper)])
    lengths = [scale * width**0.5 for width, scale in blocks_of(settings)]
    np.testing.assert_allclose(np.array(lengths) / lengths[1], [0.25, 1, 1, 0.25])


@pytest.mark.parametrize(
    ("kind", "settings", "expected"),
    [
        ("functionals+pretraned", {}, "unknown frontend 'pretraned': did you mean 'pretrained'"),
        ("functionals+", {}, "unknown frontend ''"),
        (
            "functionals+spectrogram",
            {"band": 3},
            r"unknown setting 'frontend\.band': did you mean 'frontend\.bands'",
        ),
        ("functionals", {"model": "x"}, "which belongs to pretrained"),
        ("functionals+pretrained", {"models": "x"}, "models is a list of encoders"),
        ("functionals+pretrained", {}, "needs an encoder"),
    ],
)
def test_wrong_fusions_are_named(kind: str, settings: dict[str, object], expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        fused(kind, **settings)


def test_settings_of_a_fusion_survive_a_file(encoder: Path) -> None:
    config = make_config(frontend="functionals+pretrained", assignments=[f"frontend.model={encoder}"])
    again = make_config(data=config.model_dump(mode="json"))
    assert again == config
    assert found(again.frontend) == config.frontend
    assert isinstance(config.frontend, FusionSettings)
    assert [type(part) for part in config.frontend.frontends] == [FunctionalsSettings, PretrainedSettings]


def test_a_fusion_of_single_frontends_is_none() -> None:
    assert blocks_of(FunctionalsSettings()) == blocks_of(SpectrogramSettings()) == ()
    assert isinstance(build_frontend(FunctionalsSettings()), Functionals)
    assert isinstance(build_frontend(SpectrogramSettings()), Spectrogram)
