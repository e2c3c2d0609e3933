"""Correlation alignment: the source gets the target's covariance."""

from didan.classical.method import ClassicalMethod
from didan.classical.svm import AdaptedSVM, linear_svm
from didan.extras import require


def correlation_alignment(seed: int) -> AdaptedSVM:
    """CORAL, by skada.

        X_s <- X_s (C_s + I)^(-1/2) (C_t + I)^(1/2)

    skada regularises by shrinking, ``(1 - a) C + a trace(C)/d I``. On features of deviation 1 the trace is d, and
    a = 1/2 is the I of the paper but for a factor that cancels. (skada's default, Ledoit and Wolf's a, is another
    method: it hardly regularises a large corpus.) Both corpora are centred at their means, which corpus
    normalisation has done already.
    """
    skada = require("skada", "benchmark", "method coral")
    return AdaptedSVM(skada.CORALAdapter(reg=0.5), linear_svm(seed))


METHOD = ClassicalMethod(
    name="coral",
    summary="the source recoloured with the target's covariance, then a linear SVM",
    reference="Sun, Feng and Saenko, Return of frustratingly easy domain adaptation, AAAI 2016",
    make=correlation_alignment,
)
