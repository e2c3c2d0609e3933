"""Make the seeds again: a little synthetic speech in every container, and small files of the other kinds.

python -m benchmarks.fuzz.make_seeds
"""

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr
from av.container import OutputContainer

from benchmarks.fuzz.kinds import SEEDS
from didan.audio import RATE, read_audio
from didan.synthesis import make_corpus, style
from didan.typing import Samples

_SNDFILE = {
    **{"pcm.wav": ("WAV", "PCM_16"), "float.wav": ("WAV", "FLOAT"), "adpcm.wav": ("WAV", "IMA_ADPCM")},
    **{"ulaw.wav": ("WAVEX", "ULAW"), "gsm.wav": ("WAV", "GSM610"), "rf64.wav": ("RF64", "PCM_16")},
    **{"pcm.aiff": ("AIFF", "PCM_16"), "pcm.au": ("AU", "PCM_16"), "pcm.w64": ("W64", "PCM_16")},
    **{"pcm.caf": ("CAF", "PCM_16"), "alac.caf": ("CAF", "ALAC_16"), "pcm.voc": ("VOC", "PCM_16")},
    **{"pcm.nist": ("NIST", "PCM_16"), "speech.flac": ("FLAC", "PCM_16"), "vorbis.ogg": ("OGG", "VORBIS")},
    **{"opus.ogg": ("OGG", "OPUS"), "speech.mp3": ("MP3", "MPEG_LAYER_III"), "pcm.svx": ("SVX", "PCM_16")},
    **{"pcm.ircam": ("IRCAM", "PCM_16"), "pcm.paf": ("PAF", "PCM_16"), "pcm.avr": ("AVR", "PCM_16")},
}
_FFMPEG = {
    **{"aac.m4a": "aac", "aac.adts": "aac", "opus.webm": "libopus", "opus.mkv": "libopus"},
    **{"aac.ts": "aac", "mp2.mpg": "mp2", "mp3.avi": "libmp3lame", "aac.flv": "aac", "wma.asf": "wmav2"},
    **{"pcm.mov": "pcm_s16be", "alac.m4a": "alac", "ac3.ac3": "ac3", "eac3.eac3": "eac3", "tta.tta": "tta"},
    **{"wv.wv": "wavpack", "pcm.mka": "pcm_s16le", "mp2.mp2": "mp2", "amr.amr": "amr_nb"},
    **{"mjpeg.avi": "pcm_s16le", "h264.mp4": "aac", "vp9.webm": "libopus"},
}
_WITH_PICTURES = {"mjpeg.avi": "mjpeg", "h264.mp4": "libx264", "vp9.webm": "libvpx-vp9"}


def _encode(path: Path, codec: str, samples: Samples, pictures: str | None) -> None:
    rate = 48_000 if codec in ("ac3", "eac3") else RATE
    samples = soxr.resample(samples, RATE, rate)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono", options={"strict": "-2"})
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = 32_000 if rate == RATE else 64_000
        moving = [_moving(container, pictures)] if pictures else []
        sound = av.AudioFrame.from_ndarray(
            np.round(samples * 32767).astype(np.int16)[None, :], format="s16", layout="mono"
        )
        sound.rate = rate
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
        for video in moving:
            container.mux(video.encode(None))


def _moving(container: OutputContainer, codec: str) -> av.VideoStream:
    """Two pictures, in a stream that is still to be ended."""
    video = container.add_stream(codec, rate=5)
    assert isinstance(video, av.VideoStream)
    video.width, video.height = 32, 32
    video.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    for shade in (0, 200):
        frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), shade, np.uint8), format="rgb24")
        container.mux(video.encode(frame))
    return video


def _speech(folder: Path) -> Samples:
    made = replace(style("alpha"), syllables=2.0, silence=0.05)
    corpus = make_corpus(folder, made, n_speakers=1, n_per_emotion=1, emotions=("anger",), seed=0)
    speech = read_audio(corpus.table["file"].iloc[0])
    middle = len(speech) // 2
    return speech[middle - RATE // 8 : middle + RATE // 8]


def _make_audio(folder: Path, speech: Samples) -> None:
    for name, (format, subtype) in _SNDFILE.items():
        soundfile.write(folder / name, speech, RATE, format=format, subtype=subtype)
    soundfile.write(folder / "stereo.wav", np.stack([speech, -speech], axis=1), RATE, subtype="PCM_16")
    for name, codec in _FFMPEG.items():
        _encode(folder / name, codec, speech, _WITH_PICTURES.get(name))


def _make_tables(folder: Path) -> None:
    import pandas as pd

    rows = pd.DataFrame(
        {
            "file": "a.wav",
            "start": [0.0, 0.2],
            "end": [0.2, 0.4],
            "speaker": ["03", "NA"],
            "emotion": ["anger", "sad"],
        }
    )
    rows.to_csv(folder / "labelled.csv", index=False)
    rows.to_csv(folder / "labelled.tsv", index=False, sep="\t")
    rows.drop(columns="emotion").to_csv(folder / "semicolons.csv", index=False, sep=";")
    (folder / "quotes.csv").write_text('\ufefffile,speaker\n"a.wav","say ""hi"", or\nbye"\n', encoding="utf-8")
    for compression in ("snappy", "zstd", "gzip"):
        rows.to_parquet(folder / f"{compression}.parquet", compression=compression)


def _make_configs(folder: Path) -> None:
    import yaml

    from didan.model.config import make_config

    for name, settings in {
        "functionals": [],
        "spectrogram": ["augmentation.noise=0.1", "class_prior.neutral=0.4"],
        "classic": ["method_settings.bandwidths=[0.5, 1, 2]"],
    }.items():
        frontend = name if name != "classic" else "functionals+spectrogram"
        method = "didan" if name != "classic" else "dan"
        content = make_config(method, frontend, assignments=settings if name == "functionals" else [])
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content.model_dump(mode="json")), encoding="utf-8")


def _make_audformat(folder: Path, audio: Path) -> None:
    import warnings

    import audformat

    for name, storage in (("csv", "csv"), ("parquet", "parquet")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            database = audformat.Database("tiny", languages=["deu"])
            database.schemes["speaker"] = audformat.Scheme(labels=["s1", "s2"])
            index = audformat.segmented_index(["a.wav", "a.wav"], ["0s", "0.2s"], ["0.2s", "0.4s"])
            database["labels"] = audformat.Table(index)
            database["labels"]["emotion"] = audformat.Column()
            database["labels"]["emotion"].set(["anger", "sadness"])
            database["labels"]["speaker"] = audformat.Column(scheme_id="speaker")
            database["labels"]["speaker"].set(["s1", "s2"])
            database.save(str(folder / name), storage_format=storage)
        shutil.copyfile(audio, folder / name / "a.wav")


def _make_encoders(folder: Path) -> None:
    import torch
    import transformers

    wav2vec2 = transformers.Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
    )
    whisper = transformers.WhisperConfig(
        d_model=16, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=16, decoder_ffn_dim=16, vocab_size=8, pad_token_id=0, bos_token_id=0, eos_token_id=0,
        decoder_start_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    for name, model in {
        "wav2vec2": transformers.Wav2Vec2Model(wav2vec2),
        "whisper": transformers.WhisperModel(whisper),
    }.items():
        model.save_pretrained(folder / name)
        (folder / name / "preprocessor_config.json").write_text(json.dumps({"sampling_rate": RATE}))


def _make_onnx(folder: Path, corpora: Path) -> None:
    import didan
    from didan.inference.export import export
    from didan.model.config import make_config

    source, target = (
        make_corpus(
            corpora / one,
            replace(style(one), syllables=2.0),
            n_speakers=2,
            n_per_emotion=2,
            emotions=("anger", "sadness"),
            seed=0,
        )
        for one in ("alpha", "beta")
    )
    config = make_config(
        frontend="spectrogram", assignments=["optimisation.steps=2", "network.members=1", "frontend.bands=16"]
    )
    export(didan.train(source, target, config=config, cache=corpora / "cache").trained, folder / "model.onnx")


def _make_records(folder: Path) -> None:
    from didan.records import pack_records, write_record

    for seed in range(3):
        task = {"sources": ["alpha"], "target": "beta"}
        record = {"task": task, "features": "functionals", "method": "didan", "seed": seed, "uar": 0.5}
        for name in ("single", "packed"):
            write_record(record, folder / name)
    pack_records(folder / "packed")


def main() -> None:
    shutil.rmtree(SEEDS, ignore_errors=True)
    folders = {}
    for name in ("audio", "tables", "configs", "audformat", "encoders", "onnx", "records"):
        folders[name] = SEEDS / name
        folders[name].mkdir(parents=True)
    with tempfile.TemporaryDirectory() as temporary:
        _make_audio(folders["audio"], _speech(Path(temporary, "speech")))
        _make_onnx(folders["onnx"], Path(temporary))
    _make_tables(folders["tables"])
    _make_configs(folders["configs"])
    _make_audformat(folders["audformat"], folders["audio"] / "pcm.wav")
    _make_encoders(folders["encoders"])
    _make_records(folders["records"])


if __name__ == "__main__":
    main()
