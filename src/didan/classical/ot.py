"""Optimal transport: every source utterance moves to where the target has its counterparts."""

from didan.classical.method import ClassicalMethod
from didan.classical.svm import AdaptedSVM, linear_svm
from didan.extras import require


def entropic_transport(seed: int) -> AdaptedSVM:
    """Entropic optimal transport, by skada and POT; no class regularisation.

        T = argmin <T, C> - e H(T)    subject to T 1 = 1/n_s, T^T 1 = 1/n_t        X_s <- n_s T X_t

    C holds the squared distances, divided by their median so that e = 0.05 means the same at every width; the
    value is ours (distances to near neighbours are about a third of the median). The variant regularised by
    class is left out, since skada offers no scale for its distances.
    """
    skada = require("skada", "benchmark", "method ot")
    adapter = skada.EntropicOTMappingAdapter(reg_e=0.05, norm="median", max_iter=2000, tol=1e-5)
    return AdaptedSVM(adapter, linear_svm(seed))


METHOD = ClassicalMethod(
    name="ot",
    summary="source utterances transported onto the target (entropic), then a linear SVM",
    reference="Courty, Flamary, Tuia and Rakotomamonjy, Optimal transport for domain adaptation, TPAMI 2017",
    make=entropic_transport,
)
