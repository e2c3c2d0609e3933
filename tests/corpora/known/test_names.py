"""File names of every known corpus, with all that is odd about them."""

import os
from collections import Counter
from pathlib import Path, PurePosixPath

import pytest

from didan.corpora import EMOTIONS, load_corpus
from didan.corpora.known import known_reader, known_readers
from didan.errors import UserError

# reader, path, emotion, speaker, sentence
NAMES = [
    ("emodb", "wav/03a01Fa.wav", "happiness", "03", "a01"),
    ("emodb", "16b10Td.WAV", "sadness", "16", "b10"),
    ("emodb", "wav/08a01Wa.flac", "anger", "08", "a01"),
    ("emodb", "wav/08a01Lc.flac", "boredom", "08", "a01"),
    ("emodb", "wav/08a01Ea.flac", "disgust", "08", "a01"),
    ("emodb", "wav/08a01Ab.flac", "fear", "08", "a01"),
    ("emodb", "wav/08a01Nc.flac", "neutral", "08", "a01"),
    ("enterface", "subject 1/anger/sentence 1/s1_an_1.avi", "anger", "01", "1"),
    ("enterface", "subject 44/surprise/sentence 5/s44_su_5.avi", "surprise", "44", "5"),
    ("enterface", "subject 11/disgust/sentence 3/s12_di_3.avi", "disgust", "11", "3"),
    ("enterface", "subject 12/disgust/sentence 3/s12_di_3.avi", "disgust", "12", "3"),
    ("enterface", "subject 16/surprise/sentence 3/s16_su_3avi.avi", "surprise", "16", "3"),
    ("enterface", "subject 3/fear/sentence 2/s_3_fe_2.avi", "fear", "03", "2"),
    ("enterface", "s_3_fe_2.wav", "fear", "03", "2"),
    ("enterface", "subject 6/happiness/s6_ha_4.avi", "happiness", "06", "4"),
    ("enterface", "Subject 09/sadness/sentence 4/S09_SA_4.AVI", "sadness", "09", "4"),
    ("casia", "liuchanhg/angry/201.wav", "anger", "liuchanhg", "201"),
    ("casia", "wangzhe/surprise/250.WAV", "surprise", "wangzhe", "250"),
    ("casia", "zhaozuoxiang/Neutral/222.wav", "neutral", "ZhaoZuoxiang", "222"),
    ("casia", "ZHAOQUANYIN/sad/222.flac", "sadness", "zhaoquanyin", "222"),
    ("casia", "201-angry-liuchanhg.wav", "anger", "liuchanhg", "201"),
    ("casia", "all/233-fear-zhaoZuoXiang.wav", "fear", "ZhaoZuoxiang", "233"),
    ("casia", "happy/233-happy-wangzhe.wav", "happiness", "wangzhe", "233"),
    ("ravdess", "Actor_12/03-01-06-01-02-01-12.wav", "fear", "12", "02"),
    ("ravdess", "03-01-01-01-01-02-24.wav", "neutral", "24", "01"),
    ("ravdess", "03-01-02-01-01-02-24.wav", "calm", "24", "01"),
    ("ravdess", "03-01-03-02-01-02-01.wav", "happiness", "01", "01"),
    ("ravdess", "03-01-04-02-01-02-01.wav", "sadness", "01", "01"),
    ("ravdess", "03-01-05-02-01-02-01.wav", "anger", "01", "01"),
    ("ravdess", "03-01-07-02-01-02-01.wav", "disgust", "01", "01"),
    ("ravdess", "01-01-08-02-01-02-01.mp4", "surprise", "01", "01"),
    ("savee", "DC_a01.wav", "anger", "DC", "a01"),
    ("savee", "AudioData/DC/a01.wav", "anger", "DC", "a01"),
    ("savee", "JE/sa15.wav", "sadness", "JE", "sa15"),
    ("savee", "KL_su03.wav", "surprise", "KL", "su03"),
    ("savee", "jk_D04.WAV", "disgust", "JK", "d04"),
    ("savee", "JK/f04.wav", "fear", "JK", "f04"),
    ("savee", "JK/h04.wav", "happiness", "JK", "h04"),
    ("savee", "JK/n30.wav", "neutral", "JK", "n30"),
    ("emovo", "f1/dis-f1-b1.wav", "disgust", "f1", "b1"),
    ("emovo", "gio-m3-d2.wav", "happiness", "m3", "d2"),
    ("emovo", "m3/neu-m3-l1.wav", "neutral", "m3", "l1"),
    ("emovo", "m3/pau-m3-l1.wav", "fear", "m3", "l1"),
    ("emovo", "m3/rab-m3-l1.wav", "anger", "m3", "l1"),
    ("emovo", "m3/sor-m3-l1.wav", "surprise", "m3", "l1"),
    ("emovo", "m3/tri-m3-l1.wav", "sadness", "m3", "l1"),
    ("tess", "OAF_angry/OAF_back_angry.wav", "anger", "OAF", "back"),
    ("tess", "YAF_pleasant_surprised/YAF_bar_ps.wav", "surprise", "YAF", "bar"),
    ("tess", "OA_bite_neutral.wav", "neutral", "OAF", "bite"),
    ("tess", "507testYAF_germ_angry29.wav", "anger", "YAF", "germ"),
    ("tess", "762testOAF_food_fear52.wav", "fear", "OAF", "food"),
    ("tess", "OAF_Sad/OAF_back_sad.wav", "sadness", "OAF", "back"),
    ("tess", "OAF_back_disgust (1).wav", "disgust", "OAF", "back"),
    ("tess", "x/OAF_back_happy_16k.wav", "happiness", "OAF", "back"),
    ("urdu", "Angry/SM1_F1_A01.wav", "anger", "SM1", None),
    ("urdu", "Happy/SF11_F12_H0100.wav", "happiness", "SF11", None),
    ("urdu", "SM5_F72_N0100.wav", "neutral", "SM5", None),
    ("urdu", "Sad/SM27_F4_S096.wav", "sadness", "SM27", None),
    ("cremad", "AudioWAV/1001_DFA_ANG_XX.wav", "anger", "1001", "DFA"),
    ("cremad", "1091_IEO_NEU_HI.mp3", "neutral", "1091", "IEO"),
    ("cremad", "AudioWAV/1040_ITH_SAD_X.wav", "sadness", "1040", "ITH"),
    ("cremad", "1001_TIE_DIS_XX.wav", "disgust", "1001", "TIE"),
    ("cremad", "1001_TIE_FEA_LO.wav", "fear", "1001", "TIE"),
    ("cremad", "1001_TIE_HAP_MD.wav", "happiness", "1001", "TIE"),
    ("nemo", "samples/KS0_surprised_70.wav", "surprise", "KS0", "70"),
    ("nemo", "KS0_anger_1.wav", "anger", "KS0", "1"),
    ("nemo", "KS0_fear_1.wav", "fear", "KS0", "1"),
    ("nemo", "KS0_happiness_1.wav", "happiness", "KS0", "1"),
    ("nemo", "KS0_neutral_1.wav", "neutral", "KS0", "1"),
    ("nemo", "KS0_sadness_1.wav", "sadness", "KS0", "1"),
    ("shemo", "female/F01A01.wav", "anger", "F01", None),
    ("shemo", "F21F02.wav", "fear", "F21", None),
    ("shemo", "male/M03H100.wav", "happiness", "M03", None),
    ("shemo", "M03N10.wav", "neutral", "M03", None),
    ("shemo", "M03S10.wav", "sadness", "M03", None),
    ("shemo", "M03W10.wav", "surprise", "M03", None),
    ("ased", "05Angry/a5-03-01-02-50.wav", "anger", "50", "a03"),
    ("ased", "02Fearful/f2-03-01-02-50.wav", "fear", "50", "f03"),
    ("ased", "h3-01-01-01-07.wav", "happiness", "07", "h01"),
    ("ased", "01Neutral/n1-01-01-01-07.wav", "neutral", "07", "n01"),
    ("ased", "04Sad/S4-04-02-01-29.wav", "sadness", "29", "s04"),
]

OTHERS = [
    "Actor_12/03-02-06-01-02-01-12.wav",  # RAVDESS, song
    "Actor_12/02-01-06-01-02-01-12.mp4",  # RAVDESS, pictures only
    "liuchanhg/angry/201-angry.wav",
    "somebody/angry/201.wav",
    "liuchanhg/bored/201.wav",
    "DX/a01.wav",
    "03a01Xa.wav",
    "1001_DFA_CAL_XX.wav",
    "readme.wav",
    "OAF_back_angrily.wav",
    "KS0_joy_70.wav",
]


@pytest.mark.parametrize(("reader", "path", "emotion", "speaker", "sentence"), NAMES)
def test_name(reader: str, path: str, emotion: str, speaker: str, sentence: str | None) -> None:
    for above in ("", "/data", "/data/DC/liuchanhg"):
        name = known_reader(reader).parse(PurePosixPath(above, path))
        assert name is not None
        assert (name.emotion, name.speaker, name.sentence) == (emotion, speaker, sentence)


@pytest.mark.parametrize(("reader", "path"), [(row[0], row[1]) for row in NAMES])
def test_name_fits_one_corpus_only(reader: str, path: str) -> None:
    fitting = [name for name, other in known_readers().items() if other.parse(PurePosixPath("/data", path))]
    assert fitting == [reader]


@pytest.mark.parametrize("path", OTHERS)
def test_other_names_fit_none(path: str) -> None:
    assert [name for name, reader in known_readers().items() if reader.parse(PurePosixPath(path))] == []


def test_every_emotion_of_every_corpus_is_among_the_examples() -> None:
    seen = {(reader, emotion) for reader, _, emotion, _, _ in NAMES}
    assert seen == {(name, emotion) for name, reader in known_readers().items() for emotion in reader.counts}


PUBLISHED = {
    "ased": 2474,
    "casia": 1200,
    "cremad": 7442,
    "emodb": 535,
    "emovo": 588,
    "enterface": 1287,
    "nemo": 4481,
    "ravdess": 1440,
    "savee": 480,
    "shemo": 3000,
    "tess": 2800,
    "urdu": 400,
}


def test_published_totals() -> None:
    assert {name: reader.n_utterances for name, reader in known_readers().items()} == PUBLISHED


@pytest.mark.parametrize("name", PUBLISHED)
def test_facts_are_there(name: str) -> None:
    reader = known_reader(name)
    assert set(reader.counts) <= set(EMOTIONS)
    for fact in (reader.title, reader.language, reader.n_speakers, reader.licence, reader.obtain):
        assert fact


def test_task_sizes_of_the_literature() -> None:
    five = ("anger", "disgust", "fear", "happiness", "sadness")
    assert sum(known_reader("emodb").counts[emotion] for emotion in five) == 375
    assert sum(known_reader("enterface").counts[emotion] for emotion in five) == 1072


def test_unknown_name_is_suggested() -> None:
    with pytest.raises(UserError, match="did you mean 'ravdess'"):
        known_reader("ravdes")
    assert known_reader("RAVDESS").name == "ravdess"


CORPORA = Path(os.environ.get("DIDAN_CORPORA", "missing"))


@pytest.mark.skipif(not CORPORA.is_dir(), reason="needs the corpora (environment variable DIDAN_CORPORA)")
@pytest.mark.parametrize(
    ("name", "n_speakers", "counts"),
    [
        (
            "emodb",
            10,
            {
                "anger": 127,
                "boredom": 81,
                "disgust": 46,
                "fear": 69,
                "happiness": 71,
                "sadness": 62,
                "neutral": 79,
            },
        ),
        ("casia", 4, dict.fromkeys(["anger", "fear", "happiness", "neutral", "sadness", "surprise"], 200)),
        (
            "ravdess",
            24,
            {"neutral": 96}
            | dict.fromkeys(["anger", "calm", "disgust", "fear", "happiness", "sadness", "surprise"], 192),
        ),
    ],
)
def test_real_corpus(name: str, n_speakers: int, counts: dict[str, int]) -> None:
    corpus = load_corpus(name, CORPORA / name)
    assert Counter(corpus.table["emotion"]) == counts
    assert corpus.table["speaker"].nunique() == n_speakers
    assert corpus.table["file"].is_unique
    assert corpus.notes == ()
