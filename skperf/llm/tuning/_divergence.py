# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""How far tuning has moved the probabilities of the next token."""

from typing import NamedTuple

import numpy as np
import torch

from skperf.llm.model._head import positions_at_once
from skperf.llm.text._batches import POSITIONS_AT_ONCE, runs
from skperf.llm.tuning._adapters import reader
from skperf.llm.tuning._row import flag_mass, log_odds, log_odds_of_texts


def compare(head, hidden, reference, flag_token_id):
    """Return log normalizers, and the drift from the reference at each position.

    The drift is KL(p_ref || q), where q is the model given that it does not raise the
    flag. With p the model, KL(p_ref || p) = KL(p_ref || q) - log(1 - p(flag)).

    Parameters
    ----------
    head : OutputHead
        Makes logits.

    hidden, reference : torch.Tensor of shape (n_positions, n_hidden)
        Hidden states of the model and of the reference.

    flag_token_id : int
        The token that is left out, if the head has it.

    Returns
    -------
    log_normalizer, drift : torch.Tensor of shape (n_positions,)
        Differentiable. In nats, as float64 on the CPU.
    """
    z, z_ref = head(hidden), head(reference)
    moved = z - z_ref
    for logits in (z, z_ref):
        logits[:, flag_token_id : flag_token_id + 1] = -torch.inf
    log_normalizer = z.logsumexp(dim=1)
    expected = torch.linalg.vecdot(z_ref.softmax(dim=1), moved)
    drift = log_normalizer - z_ref.logsumexp(dim=1) - expected
    return log_normalizer.cpu().double(), drift.cpu().double()


class Divergence(NamedTuple):
    """KL(p_ref || p), in nats a position, as the sum of its two parts.

    Parameters
    ----------
    flag_mass : float
        The mean of -log(1 - p(flag)): probability that is given to the flag.

    drift : float
        KL(p_ref || q), with q the model given that it does not raise the flag: 0 unless
        there are adapters.

    Examples
    --------
    >>> from skperf.llm import Divergence
    >>> sum(Divergence(flag_mass=0.03, drift=0.01))
    0.04
    """

    flag_mass: float
    drift: float


def mean_divergence(language_model, row, texts, base, weight, lora_weights=None):
    """Return the two parts of KL(p_ref || p), each a mean over texts.

    Parameters
    ----------
    language_model : LanguageModel
        The reference.

    row : FlagRow
        The flag's row.

    texts : list of TokenizedText
        The texts; each counts as the mean over its scored positions.

    base : list of States
        The reference's.

    weight : ndarray of shape (n_texts,)
        Weights of the texts.

    lora_weights : dict of str to torch.Tensor, default=None
        The adapters, if there are any.

    Returns
    -------
    divergence : Divergence
        Its two parts.
    """
    if lora_weights is None:
        masses = [flag_mass(scores) for scores in log_odds_of_texts(row, base)]
        return Divergence(float(np.average(masses, weights=weight)), 0.0)
    read = reader(language_model, lora_weights=lora_weights)
    chosen = np.flatnonzero(weight)
    lengths = [len(texts[i].scored) for i in chosen]
    before = (base[i] for i in chosen)
    parts = [
        (flag_mass(log_odds(row, tuned)), _drift(language_model, tuned, next(before)))
        for part in runs(lengths, POSITIONS_AT_ONCE)
        for tuned in read([texts[i] for i in chosen[part]])
    ]
    mass, drift = np.average(parts, axis=0, weights=weight[chosen])
    return Divergence(float(mass), float(drift))


def _drift(language_model, tuned, base):
    head, device = language_model.head, language_model.model.device
    rows = positions_at_once(head)
    pairs = zip(tuned.hidden.split(rows), base.hidden.split(rows), strict=True)
    with torch.no_grad():
        drifts = [
            compare(head, a.to(device), b.to(device), language_model.flag_token_id)[1]
            for a, b in pairs
        ]
    return torch.cat(drifts).mean().item()
