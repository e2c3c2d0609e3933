"""The frontends by kind, and what they have in common."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Discriminator, Tag
from torch import Tensor

from didan.features.encoders import n_layers_and_width
from didan.features.functionals import Functionals, FunctionalsSettings
from didan.features.fusion import LENGTHS, PARTS, Fusion, FusionSettings, scaled_blocks
from didan.features.normaliser import Block
from didan.features.pretrained import Pretrained, PretrainedSettings
from didan.features.spectrogram import Spectrogram, SpectrogramSettings
from didan.features.voices import DESCRIBED_BY
from didan.hardware import one_thread
from didan.typing import Samples


def _tag(settings: Any) -> str:
    """Which settings these are: by kind, or fusion where there are several kinds or encoders."""
    if isinstance(settings, dict):
        several = "frontends" in settings or "models" in settings or "+" in str(settings.get("kind"))
        return "fusion" if several else str(settings.get("kind"))
    return "fusion" if isinstance(settings, FusionSettings) else str(getattr(settings, "kind", None))


FrontendSettings = Annotated[
    Annotated[SpectrogramSettings, Tag("spectrogram")]
    | Annotated[FunctionalsSettings, Tag("functionals")]
    | Annotated[PretrainedSettings, Tag("pretrained")]
    | Annotated[FusionSettings, Tag("fusion")],
    Discriminator(_tag),
]

FRONTENDS = PARTS
"""Settings of single frontends, by kind; ``+`` between kinds fuses them."""


class Frontend(Protocol):
    """A torch module that maps waveforms to features; see :func:`extract_features` for a single utterance.

    Attributes:
        feature_names: of the bands, each once.
        n_bands: their number.
    """

    feature_names: tuple[str, ...]
    n_bands: int

    @property
    def settings(self) -> FrontendSettings:
        """What it was built with; together with the waveform they determine the features."""

    def __call__(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the features of a batch of utterances.

        Args:
            waveform: 16 kHz samples, shape (n, samples), shorter ones filled up with zeros.

        Returns:
            Shape (n, frames, bands), and how many of its frames are each utterance's own, shape (n,).
        """


def parts_of(
    settings: FrontendSettings,
) -> tuple[SpectrogramSettings | FunctionalsSettings | PretrainedSettings, ...]:
    """What is fused; a single frontend alone."""
    return settings.frontends if isinstance(settings, FusionSettings) else (settings,)


def encoders_of(settings: FrontendSettings) -> list[PretrainedSettings]:
    """The pretrained encoders in a frontend."""
    return [part for part in parts_of(settings) if isinstance(part, PretrainedSettings)]


def with_parts(settings: FrontendSettings, parts: list[Any]) -> FrontendSettings:
    """The same frontend with other settings of its parts."""
    if isinstance(settings, FusionSettings):
        return settings.model_copy(update={"frontends": tuple(parts)})
    (part,) = parts
    return part  # type: ignore[no-any-return]


def found(settings: FrontendSettings) -> FrontendSettings:
    """The same frontend once its encoders are found, and known by their digests.

    Raises:
        UserError: see :meth:`didan.features.pretrained.PretrainedSettings.found`.
    """
    parts = [part.found() if isinstance(part, PretrainedSettings) else part for part in parts_of(settings)]
    return with_parts(settings, parts)


def from_anywhere(settings: FrontendSettings) -> FrontendSettings:
    """The same frontend, whose encoders in directories are found from any folder that one works in."""

    def absolute(part: PretrainedSettings) -> PretrainedSettings:
        folder = Path(part.model).expanduser()
        return part.model_copy(update={"model": str(folder.absolute())}) if folder.is_dir() else part

    parts = [absolute(part) if isinstance(part, PretrainedSettings) else part for part in parts_of(settings)]
    return with_parts(settings, parts)


def blocks_of(settings: FrontendSettings) -> tuple[Block, ...]:
    """The block of each part of a fusion; empty where nothing is fused. Loads no encoder."""
    if not isinstance(settings, FusionSettings):
        return ()
    parts = settings.frontends
    return scaled_blocks([_width(part) for part in parts], [LENGTHS[part.kind] for part in parts])


def _width(part: SpectrogramSettings | FunctionalsSettings | PretrainedSettings) -> int:
    if isinstance(part, SpectrogramSettings):
        return 2 * part.bands
    if isinstance(part, FunctionalsSettings):
        return cached_frontend(part).n_bands
    _, width = n_layers_and_width(part.weights())
    return width * len(part.pooling.split("+"))


def voice_bands(settings: FrontendSettings) -> tuple[int, ...]:
    """Which bands describe a voice, see :mod:`didan.features.voices`; none without functionals. Loads no encoder.

    >>> len(voice_bands(FunctionalsSettings())), voice_bands(SpectrogramSettings())
    (2, ())
    """
    parts = parts_of(settings)
    for number, part in enumerate(parts):
        if isinstance(part, FunctionalsSettings):
            names = cached_frontend(part).feature_names
            if set(DESCRIBED_BY) <= set(names):
                before = sum(map(_width, parts[:number]))
                return tuple(before + names.index(name) for name in DESCRIBED_BY)
    return ()


def frame_period(settings: FrontendSettings) -> float | None:
    """Seconds from one frame of a frontend to the next; None where an utterance is one vector.

    >>> frame_period(SpectrogramSettings()), frame_period(FunctionalsSettings())
    (0.01, None)
    """
    if isinstance(settings, SpectrogramSettings):
        return settings.hop
    return 0.1 if isinstance(settings, PretrainedSettings) and settings.pooling == "frames" else None


def build_frontend(settings: FrontendSettings) -> Functionals | Spectrogram | Pretrained | Fusion:
    """The frontend with these settings.

    Raises:
        UserError: it needs an extra that is not installed, or an encoder that cannot be loaded.
    """
    if isinstance(settings, FusionSettings):
        return Fusion(settings, [_build_part(part) for part in settings.frontends])
    return _build_part(settings)


def _build_part(
    settings: SpectrogramSettings | FunctionalsSettings | PretrainedSettings,
) -> Functionals | Spectrogram | Pretrained:
    if isinstance(settings, PretrainedSettings):
        return Pretrained(settings)
    return Functionals(settings) if isinstance(settings, FunctionalsSettings) else Spectrogram(settings)


def runs_on_gpu(settings: FrontendSettings) -> bool:
    """Whether a frontend is computed on a GPU here: those with an encoder, where there is one."""
    return bool(encoders_of(settings)) and torch.cuda.is_available()


@lru_cache(maxsize=4)
def cached_frontend(settings: FrontendSettings) -> Functionals | Spectrogram | Pretrained | Fusion:
    """One frontend per process, since building its matrices takes longer than using them once."""
    frontend = build_frontend(settings)
    if runs_on_gpu(settings):
        frontend.cuda()
        for module in frontend.modules():
            if isinstance(module, Pretrained):
                module.half_precision = True
    return frontend


def extract_features(frontend: Frontend, samples: Samples) -> npt.NDArray[np.float32]:
    """Compute the features of one utterance, in a batch of its own, so that they depend on nothing else.

    Args:
        frontend: see :func:`build_frontend`.
        samples: 16 kHz, shape (n,); zeros at the end are padding.

    Returns:
        Shape (frames, bands), float32.

    Raises:
        AudioError: the utterance is shorter than one frame of an encoder.

    >>> frontend = build_frontend(SpectrogramSettings())
    >>> extract_features(frontend, np.ones(1600, np.float32)).shape
    (11, 64)
    """
    (features,) = extract_batch(frontend, [samples])
    return features


def extract_batch(frontend: Frontend, batch: list[Samples]) -> list[npt.NDArray[np.float32]]:
    """The same for several utterances at once, which differs in the last digits; for GPUs.

    Args:
        frontend: see :func:`build_frontend`.
        batch: samples of each utterance, at 16 kHz.
    """
    lengths = [int(nonzero[-1]) + 1 if len(nonzero := np.flatnonzero(one)) else len(one) for one in batch]
    waveform = np.zeros((len(batch), max(lengths)), dtype=np.float32)
    for row, (samples, length) in enumerate(zip(batch, lengths, strict=True)):
        waveform[row, :length] = samples[:length]
    # Last digits may depend on the number of threads, and more of them would only wait for one another.
    with one_thread(), torch.inference_mode():
        features, n_frames = frontend(torch.from_numpy(waveform).to(_device(frontend)))
    return [own[: int(n)].cpu().numpy() for own, n in zip(features, n_frames, strict=True)]


def _device(frontend: Frontend) -> torch.device:
    buffers = frontend.buffers() if isinstance(frontend, torch.nn.Module) else iter(())
    return next((buffer.device for buffer in buffers), torch.device("cpu"))
