import math

import numpy as np
import pytest

from didan.selection import rank_agreement, select

UARS = [31.0, 44.0, 38.0, 40.0, 29.0]
VALUES = [0.3, 0.8, 0.4, 0.9, 0.1]


def test_by_hand() -> None:
    agreement = rank_agreement(VALUES, UARS, greater_is_better=True)
    ranks = [np.argsort(np.argsort(x)) for x in (VALUES, UARS)]
    squares = int(((ranks[0] - ranks[1]) ** 2).sum())
    assert agreement.spearman == pytest.approx(1 - 6 * squares / (5 * 24))
    assert agreement.regret == pytest.approx(44 - 40)
    assert agreement.n == 5


def test_a_criterion_as_good_as_the_truth() -> None:
    agreement = rank_agreement(np.exp(UARS), UARS, greater_is_better=True)
    assert [agreement.spearman, agreement.regret] == pytest.approx([1, 0])


def test_turned_round_it_is_as_bad_as_can_be() -> None:
    agreement = rank_agreement(UARS, UARS, greater_is_better=False)
    assert [agreement.spearman, agreement.regret] == pytest.approx([-1, 15])


def test_a_loss_and_its_negative_agree_alike() -> None:
    assert rank_agreement(np.negative(VALUES), UARS, greater_is_better=False) == rank_agreement(
        VALUES, UARS, greater_is_better=True
    )


def test_candidates_without_a_value_can_be_the_best_but_not_chosen() -> None:
    agreement = rank_agreement([0.3, math.nan, 0.4, 0.9, 0.1], UARS, greater_is_better=True)
    assert (agreement.regret, agreement.n) == (4, 4)
    assert agreement.spearman == pytest.approx(1)


def test_candidates_without_a_uar_are_left_out() -> None:
    agreement = rank_agreement([*VALUES, 5.0], [*UARS, math.nan], greater_is_better=True)
    assert agreement == rank_agreement(VALUES, UARS, greater_is_better=True)


def test_what_has_no_ranks_has_no_correlation() -> None:
    for values, uars, regret, n in (
        ([1.0, 1.0, 1.0], [30.0, 50.0, 40.0], 20, 3),
        ([1.0, 2.0], [30.0, 30.0], 0, 2),
        ([1.0], [30.0], 0, 1),
    ):
        agreement = rank_agreement(values, uars, greater_is_better=True)
        assert math.isnan(agreement.spearman)
        assert (agreement.regret, agreement.n) == (regret, n)
    nothing = rank_agreement([math.nan], [30.0], greater_is_better=True)
    assert math.isnan(nothing.regret)
    assert nothing.n == 0


@pytest.mark.parametrize(("criterion", "greater"), [("entropy", False), ("information-maximisation", True)])
def test_regret_is_that_of_the_chosen(criterion: str, greater: bool) -> None:
    values = [0.5, 0.1, 0.9, 0.1, 0.9]
    chosen = int(select({str(index): value for index, value in enumerate(values)}, criterion))
    assert rank_agreement(values, UARS, greater).regret == max(UARS) - UARS[chosen]
