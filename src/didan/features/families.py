"""Which family of acoustic parameters a feature belongs to, by its name."""

import re

FAMILIES = {
    "pitch": r"pitch_|F0semitone",
    "voice quality": r"hnr_|HNR|jitter|shimmer|logRelF0",
    "formants": r"f[123]_|F[123](frequency|bandwidth|amplitude)",
    "loudness": r"loudness|equivalentSoundLevel",
    "spectral balance": r"alpha_ratio|hammarberg|slope_|flux_|alphaRatio|slope(UV|V)|spectralFlux",
    "rhythm": r"voiced_|VoicedSegments|MeanVoiced|StddevVoiced|MeanUnvoiced|StddevUnvoiced",
    "cepstra": r"mfcc",
    "modulation": r"modulation_",
    "log-mel bands": r"log_mel",
}
"""Families, and how the names of their features begin: didan's functionals, and eGeMAPS as openSMILE names it."""

OTHERS = "hidden states"


def family(name: str) -> str:
    """The family of a feature.

    >>> family("pitch_semitones_mean"), family("2_hidden_017_mean")
    ('pitch', 'hidden states')
    """
    bare = re.sub(r"^\d+_", "", name)  # the number of its part in a fusion
    return next((family for family, begins in FAMILIES.items() if re.match(begins, bare)), OTHERS)
