from didan.report.caveats import find_caveats, labels_read, setup
from didan.report.results import Benchmark
from report.made_up import made_up_records

METHODS = ["source-only", "didan", "mmd", "target-only"]


def test_what_too_few_speakers_cannot_show_is_said() -> None:
    lines = find_caveats(Benchmark(made_up_records(methods=METHODS)))
    (casia,) = [line for line in lines if "cannot go below" in line]
    # 4 speakers give 2 of 16 patterns at least.
    assert casia.startswith("emodb → casia: with 4 speakers the test cannot go below p = 0.125,")
    assert any("only 4 target speakers" in line for line in lines)
    assert any(line.startswith("target-only: trained on target labels") for line in lines)
    assert not any("ravdess" in line for line in lines if "speakers" in line)
    unknown = find_caveats(Benchmark(made_up_records(with_speakers=False)))
    assert sum("speakers are unknown" in line for line in unknown) == 2


def test_defaults_chosen_on_a_target_are_said() -> None:
    def said(*targets: str) -> list[str]:
        benchmark = Benchmark(made_up_records([("emodb", target) for target in targets], extras=False))
        return [line.partition(":")[0] for line in find_caveats(benchmark) if "defaults" in line]

    assert said("six", "casia", "ravdess") == ["casia, ravdess"]
    assert said("six") == []  # emodb is the source alone


def test_collapse_is_said() -> None:
    records = made_up_records()
    assert not any("collapsed" in line for line in find_caveats(Benchmark(records)))
    for record in records:
        if record["method"] == "didan" and record["seed"] < 2 and record["task"]["target"] == "casia":
            record["confusion"] = [[0, 24, 0, 0, 0]] * 5
    (line,) = [line for line in find_caveats(Benchmark(records)) if "collapsed" in line]
    assert line.startswith("didan with spectrogram: collapsed")
    assert line.endswith("in 2 runs: emodb → casia (2).")


def test_more_methods_ask_for_more_speakers() -> None:
    def said(methods: list[str]) -> bool:
        records = made_up_records([("emodb", "six")], methods, n_seeds=1, extras=False)
        return any("cannot go below" in line for line in find_caveats(Benchmark(records)))

    # 6 speakers reach p = 1/32, which one comparison may take for significant, but no two.
    assert not said(["source-only", "didan"])
    assert not said(["source-only", "didan", "target-only"])
    assert said(["source-only", "didan", "mmd"])


def test_labels_read_name_the_methods_unless_all_did() -> None:
    read = labels_read(Benchmark(made_up_records(methods=METHODS)))
    assert read == {
        "evaluation: labels of the corpus evaluated": [],
        "training: source labels": ["didan", "mmd", "source-only"],
        "training: target labels": ["target-only"],
    }


def test_settings_are_parted_into_common_and_particular() -> None:
    records = made_up_records(methods=["source-only", "didan"])
    for record in records:
        if record["method"] == "didan":
            record["settings"]["method_settings"]["trade_off"] = 1 + record["seed"] % 2
    found = setup(Benchmark(records))
    assert found["common"] == {"optimisation.learning_rate": "0.001", "optimisation.steps": "400"}
    assert found["particular"] == {
        "didan (spectrogram)": 'method_settings.name = "didan"; method_settings.trade_off = 1 or 2'
    }
    assert found["seeds"] == [0, 1, 2]
    for record in records:
        record["identity"] = {"settings": record.pop("settings")}
    assert setup(Benchmark(records)) == found
