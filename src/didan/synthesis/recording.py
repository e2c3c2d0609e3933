"""From the mouth to the file: room, background noise, microphone, level."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from didan.audio import RATE
from didan.typing import Samples

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Room:
    """A room of diffuse reverberation.

    Attributes:
        rt60: seconds in which the reverberation falls by 60 dB.
        reverberation: its energy relative to the direct sound, in dB.
    """

    rt60: float
    reverberation: float

    def impulse_response(self, rng: np.random.Generator) -> Samples:
        """Draw a position in the room: a direct pulse, then noise that decays as 10**(-3 t / rt60).

        Returns:
            Samples of energy 1, ``rt60`` seconds long.

        >>> response = Room(0.2, 0.0).impulse_response(np.random.default_rng(0))
        >>> len(response) / RATE, round(float(response[0] ** 2), 2)
        (0.2, 0.5)
        """
        times = np.arange(max(round(self.rt60 * RATE), 1), dtype=np.float32) / RATE
        response = rng.standard_normal(len(times), dtype=np.float32) * 10 ** (-3 * times / self.rt60)
        response[0] = 0.0
        response *= 10 ** (self.reverberation / 20) / np.sqrt(np.sum(response**2))
        response[0] = 1.0
        unit: Samples = response / np.sqrt(np.sum(response**2))
        return unit


@dataclass(frozen=True)
class Noise:
    """Stationary background noise.

    Attributes:
        snr: level of neutral speech over the noise at the microphone, in dB.
        slope: slope of the noise spectrum in dB per octave: 0 is white, -3 pink, -6 brown.
    """

    snr: float
    slope: float

    def response(self, frequencies: Floats) -> Floats:
        """Magnitude over frequency that gives white noise this slope and keeps its power."""
        # Flat below 50 Hz, where the slope would grow without end.
        colour = 10 ** (self.slope / 20 * np.log2(np.maximum(frequencies, 50.0)))
        level: Floats = colour / np.sqrt(np.mean(colour**2))
        return level


@dataclass(frozen=True)
class Microphone:
    """A microphone with its preamplifier and line.

    Attributes:
        low: lower edge of the band (-3 dB) in Hz; 24 dB per octave below.
        high: upper edge of the band in Hz; 24 dB per octave above.
        slope: slope of the response within the band, in dB per octave around 1 kHz.
    """

    low: float
    high: float
    slope: float = 0.0

    def response(self, frequencies: Floats) -> Floats:
        """Magnitude over frequency.

        >>> telephone = Microphone(300.0, 3400.0)
        >>> telephone.response(np.array([150.0, 300.0, 1000.0, 3400.0, 6800.0])).round(3).tolist()
        [0.062, 0.707, 1.0, 0.707, 0.062]
        """
        hertz = np.maximum(frequencies, 1.0)
        band = 1 / np.sqrt((1 + (self.low / hertz) ** 8) * (1 + (hertz / self.high) ** 8))
        tilted: Floats = band * 10 ** (self.slope / 20 * np.log2(np.maximum(hertz, 50.0) / 1000.0))
        return tilted


def record(
    speech: Samples, level: float, room: Room, noise: Noise, microphone: Microphone, rng: np.random.Generator
) -> Samples:
    """Record speech: ``microphone * (room * speech + noise)``, the stars being convolutions.

    Args:
        speech: samples at their level in the room, with the silence around them, shape (n,).
        level: level of neutral speech in dB; the noise lies ``noise.snr`` below it.
        room: adds reverberation, cut off at the end of the speech.
        noise: added to the reverberant speech.
        microphone: filters both.
        rng: source of randomness.

    Returns:
        Samples clipped to [-1, 1] as a recorder would, shape (n,).
    """
    response = room.impulse_response(rng)
    n = fft.next_fast_len(len(speech) + len(response), real=True)
    frequencies = fft.rfftfreq(n, 1 / RATE)
    hiss = rng.standard_normal(n, dtype=np.float32) * np.float32(10 ** ((level - noise.snr) / 20))
    colour = noise.response(frequencies).astype(np.float32)
    spectrum = fft.rfft(speech, n) * fft.rfft(response, n) + fft.rfft(hiss) * colour
    filtered = fft.irfft(spectrum * microphone.response(frequencies).astype(np.float32), n)
    recorded: Samples = np.clip(filtered[: len(speech)], -1.0, 1.0)
    return recorded
