# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The flag's row by a convex problem on cached hidden states."""

from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import expit, logit

from skperf.llm.model._cache import joined
from skperf.llm.model._logit_function import LogitFunction
from skperf.llm.text._batches import runs
from skperf.llm.tuning._newton import DeviceProblem, newton

_BLOCK = 2**17  # hidden units in a block: 1 MB as float64
_POSITIONS = 2**14
PRODUCT = LogitFunction()


class FlagRow(NamedTuple):
    """A row of the output matrix, as the model has it for each token.

    Parameters
    ----------
    coef : ndarray of shape (n_hidden,)
        The row.

    intercept : float
        Its bias.

    function : LogitFunction, default=LogitFunction()
        What the model makes of products of rows and states: the flag's logit is made
        of its own as those of all other tokens are.
    """

    coef: np.ndarray
    intercept: float
    function: LogitFunction = PRODUCT


def function_of(language_model, layer):
    """Return the LogitFunction of a flag; a probe's logit is a mere product."""
    return PRODUCT if layer is not None else language_model.head.function


def row_of(clf):
    """Return the FlagRow of a fitted classifier."""
    function = function_of(clf.language_model_, clf.layer_)
    return FlagRow(clf.coef_, clf.intercept_, function)


def flag_logits(row, hidden):
    """Return the flag's logits at states, a torch.Tensor in float64."""
    coef = torch.as_tensor(row.coef).clone()  # sums depend on where in memory it is
    coef = coef.to(hidden.device)
    return row.function.of(row.function.before * (hidden @ coef) + row.intercept)


def rounded(row, dtype):
    """Return the row as it is in a matrix of this dtype, in float64."""
    exact = torch.tensor([*row.coef, row.intercept], dtype=torch.float64)
    *coef, intercept = exact.to(dtype).double().tolist()
    return row._replace(coef=np.array(coef), intercept=intercept)


def log_odds(row, states):
    """Return the log-odds of the flag at the positions of a text, in float64."""
    flag = flag_logits(row, states.hidden.double()).cpu().numpy()
    if states.log_normalizer is None:
        return flag
    return flag - states.log_normalizer.double().cpu().numpy()


def log_odds_of_texts(row, states):
    """Return the log-odds of the flag at the positions of each text.

    A device is given many texts at a time: it is slow to start and quick to go on.
    """
    if any(text.hidden.device.type == "cpu" for text in states):
        return [log_odds(row, text) for text in states]
    return _in_bulk(row, states)


def _in_bulk(row, states):
    lengths = [len(text.hidden) for text in states]
    return [
        scores
        for part in runs(lengths, _POSITIONS)
        for scores in np.split(
            log_odds(row, joined(states[part])), np.cumsum(lengths[part])[:-1]
        )
    ]


def fit_row(
    states,
    flagged,
    weight,
    *,
    C,
    max_iter,
    tol,
    fit_intercept=True,
    function=PRODUCT,
    device=None,
):
    """Find the row that minimises the weighted log loss.

    The problem is convex unless logits are capped. The penalty is on scaled products,
    so that C means the same for every model.

    Parameters
    ----------
    states : list of States
        Of each text.

    flagged : ndarray of shape (n_texts,)
        1 for a text that the flag belongs to, otherwise 0.

    weight : ndarray of shape (n_texts,)
        Weights of the texts; each is spread evenly over the text's positions.

    C, max_iter, tol, fit_intercept : float, int, float, bool
        As in RedFlagClassifier.

    function : LogitFunction, default=LogitFunction()
        What the model makes of products.

    device : torch.device, default=None
        Where to find it by Newton's method. None means by L-BFGS on the CPU, which
        needs less memory; the row is the same.

    Returns
    -------
    row : FlagRow
        The row for states as they are.

    n_iter : int
        Number of iterations.

    converged : bool
        Whether `tol`, or the limit of rounding, was reached.
    """
    data = _data(states, flagged, weight, C)
    options = {"fit_intercept": fit_intercept, "function": function}
    if device is None:
        problem, solve = _Problem(**data, **options), _lbfgs
    else:
        problem, solve = DeviceProblem(**data, **options, device=device), newton
    params, n_iter, converged = solve(problem, max_iter=max_iter, tol=tol)
    coef, intercept = function.unscaled(*problem.scaled_row(params))
    return FlagRow(coef, float(intercept), function), n_iter, converged


def _data(states, flagged, weight, C):
    """Return the problem's data, spread over positions."""
    lengths = np.array([len(text.hidden) for text in states])
    return {
        "states": states,
        "target": np.repeat(flagged, lengths),
        "weight": np.repeat(weight / lengths, lengths) / weight.sum(),
        "penalty": 1 / (C * weight.sum()),
    }


def _lbfgs(problem, *, max_iter, tol):
    result = minimize(
        problem.loss_and_gradient,
        problem.start(),
        method="L-BFGS-B",
        jac=True,
        options={"maxiter": max_iter, "gtol": tol, "ftol": 64 * np.finfo(float).eps},
    )
    return result.x, result.nit, result.status == 0


class _Problem:
    """Logistic regression on standardised states with the offset -log_normalizer.

    States stay in the precision they came in, and where they are; those of some texts
    at a time are turned into float64. So the optimum is found to many digits, and the
    states are in memory once.
    """

    def __init__(
        self, states, target, weight, penalty, *, fit_intercept=True, function=PRODUCT
    ):
        lengths = [len(text.hidden) for text in states]
        self.target, self.weight, self.penalty = target, weight, penalty
        self.offset = _offset(states)
        self.hidden = [text.hidden.cpu() for text in states]
        self.texts = runs(lengths, max(_BLOCK // self.hidden[0].shape[1], 1))
        ends = np.append(0, np.cumsum(lengths))
        self.rows = [slice(ends[run.start], ends[run.stop]) for run in self.texts]
        center, self.scale = self._moments()
        # without an intercept states are not centred: its derivative is 0, and it stays
        self.fit_intercept, self.function = fit_intercept, function
        self.center = center * fit_intercept

    def _blocks(self):
        """Yield slices of positions with their states as float64 arrays."""
        for rows, texts in zip(self.rows, self.texts, strict=True):
            yield rows, torch.cat(self.hidden[texts]).double().numpy()

    def _moments(self):
        """Return means and standard deviations; units that never differ get 1.

        A common scale makes C mean the same for every unit, layer and model.
        """
        center = sum(self.weight[rows] @ block for rows, block in self._blocks())
        variance = sum(
            self.weight[rows] @ np.square(block - center)
            for rows, block in self._blocks()
        )
        constant = variance <= 1e-12 * np.square(center)  # rounding is all there is
        return center, np.sqrt(np.where(constant, 1, variance))

    def start(self):
        """Return no slopes, and the intercept that would be right for equal offsets."""
        if not self.fit_intercept:
            return np.zeros(len(self.center) + 1)
        share = self.weight @ self.target
        intercept = self.function.uncapped(logit(share) - self.weight @ self.offset)
        return np.append(np.zeros(len(self.center)), intercept)

    def scaled_row(self, params):
        """Return the row and bias of scaled products, for states as they are."""
        coef = params[:-1] / self.scale
        return coef, params[-1] - coef @ self.center

    def loss_and_gradient(self, params):
        """Return the mean loss with its penalty, and the derivatives."""
        coef, intercept = self.scaled_row(params)
        slopes = params[:-1]
        loss = self.penalty / 2 * slopes @ slopes
        by_coef, by_intercept = np.zeros_like(coef), 0.0
        for rows, block in self._blocks():
            flag, slope = self.function.capped(block @ coef + intercept)
            score = flag + self.offset[rows]
            weight, target = self.weight[rows], self.target[rows]
            loss += weight @ (np.logaddexp(0, score) - target * score)
            residual = weight * (expit(score) - target) * slope
            by_coef += residual @ block
            by_intercept += residual.sum() * self.fit_intercept
        by_slopes = (by_coef - by_intercept * self.center) / self.scale
        return loss, np.append(by_slopes + self.penalty * slopes, by_intercept)


def _offset(states):
    if states[0].log_normalizer is None:
        return np.zeros(sum(len(text.hidden) for text in states))
    logs = torch.cat([text.log_normalizer.cpu() for text in states])
    return -logs.double().numpy()


def flag_mass(scores):
    """Return the mean of -log(1 - p) over positions, in nats.

    With q the model given that the flag is not raised, KL(p_ref || p) is
    KL(p_ref || q) - log(1 - p(flag)); tuning the row alone leaves q = p_ref.
    """
    return float(np.mean(np.logaddexp(0, scores)))
