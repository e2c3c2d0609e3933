"""Classical methods: adaptation of fixed-length features, one vector per utterance, without a network."""

from didan.classical import aktlr, cafs, coral, dosl, jdar, jiasl, ot, sa, style, svm, tca, tjm
from didan.classical.method import ClassicalMethod, Prediction, fit_predict

CLASSICAL: dict[str, ClassicalMethod] = {
    method.name: method
    for method in (
        *svm.METHODS,
        tca.METHOD,
        sa.METHOD,
        coral.METHOD,
        tjm.METHOD,
        ot.METHOD,
        dosl.METHOD,
        jdar.METHOD,
        jiasl.METHOD,
        aktlr.METHOD,
        cafs.METHOD,
        style.METHOD,
    )
}

__all__ = ["CLASSICAL", "ClassicalMethod", "Prediction", "fit_predict"]
