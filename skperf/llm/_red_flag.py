# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""RedFlagClassifier: a language model with one more token as a classifier."""

import warnings
from numbers import Integral, Real
from pathlib import Path
from typing import ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from skperf.llm._aggregates import AGGREGATES
from skperf.llm._export import ExportMixin
from skperf.llm._files import PersistenceMixin
from skperf.llm._flagged_class import find_flagged
from skperf.llm._forms import forms_of
from skperf.llm._scores import SummaryMixin
from skperf.llm._text_classifier import TextClassifier
from skperf.llm._text_score import fit_text_score
from skperf.llm.model._language_model import LanguageModel, as_language_model
from skperf.llm.model._memory import device_of_fit
from skperf.llm.streaming._mixin import StreamingMixin
from skperf.llm.tuning._adapters import reader
from skperf.llm.tuning._divergence import mean_divergence
from skperf.llm.tuning._lora_tuning import LoraTuning
from skperf.llm.tuning._row import (
    fit_row,
    function_of,
    log_odds_of_texts,
    rounded,
    row_of,
)
from skperf.llm.tuning._token_tuning import TokenTuning
from skperf.utils._conversations import rows_of
from skperf.utils._sklearn import (
    Interval,
    StrOptions,
    _check_sample_weight,
    _fit_context,
)

# Attributes that not every fit has.
_OPTIONAL = ("kl_to_base_", "flag_mass_", "drift_", "lora_weights_", "loss_curve_")


class RedFlagClassifier(
    ExportMixin,
    PersistenceMixin,
    StreamingMixin,
    SummaryMixin,
    TextClassifier,
):
    r"""Classify texts by the red flag token that a language model raises in them.

    A causal language model gets one more token, the flag [1]_. At every position of a
    text it can be raised in place of the next token, and its log-odds there say
    whether what was written so far is of the flagged kind. The text's score is their
    mean, or another aggregate.

    Parameters
    ----------
    language_model : LanguageModel, str, path-like or tuple
        A handle, a folder or hub name, or a loaded (model, tokenizer). It is never
        changed. Copies of the classifier share a handle and the hidden states that it
        keeps, so searches and ensembles should get one: a tuple is copied by `clone`,
        and a name is loaded again when no fitted classifier uses it any more.

    pos_label : int, float, bool or str, default=None
        The label of the texts that raise the flag. None means the 1 of labels that are
        0 and 1, -1 and 1, or False and True. Other labels, such as names, do not say
        which it is, and need it.

    tuning : TokenTuning or LoraTuning, default=None
        What is learnt. :class:`TokenTuning`: the flag's row of the output matrix;
        everything else is frozen. That is a convex problem. :class:`LoraTuning`:
        starting from there, the row and low-rank adapters of the upper layers. That
        needs peft, and ``layer=None``. None means ``TokenTuning()``.

    layer : int, default=None
        Stop reading after this layer, from 1 to the number of layers. The flag is then
        a linear probe of this layer, beside the language model and not one of its
        tokens. That is faster, and middle layers are often better. None means the
        whole model.

    aggregate : str or callable, default="mean"
        The text's log-odds from those of its positions: "mean", "max", "window",
        "first", "last", "cusum" or "shrunk_mean". "window" is the largest mean
        of `window` neighbours. "cusum" is the largest sum of neighbours above
        ``center_``, for passages of any length [2]_. "shrunk_mean" is the sum above
        ``center_`` divided by the number of positions and 32 more, so that the first
        ones do not count for much. A callable gets an array of log-odds and returns a
        number. It has no influence on the flag.

    window : int, default=8
        Positions in a window.

    C : float, default=1.0
        Inverse strength of the L2 penalty, as in LogisticRegression, on the row in
        units of the standard deviations of the hidden states. Adapters are trained
        without it, from the row that it gives.

    fit_intercept : bool, default=True
        Whether the flag has a bias. Few models have biases in their output matrix;
        where there is none, :meth:`export` needs a flag without.

    class_weight : "balanced" or dict, default=None
        Weights of the classes, as in LogisticRegression.

    prior : float, default=None
        The share of flagged texts, between 0 and 1, where the flag is to be raised.
        Texts that are not flagged get the weight that makes it that share in training;
        the others keep theirs. A small one keeps the flag out of harmless texts, and so
        the language model as it was: see :meth:`divergence`. Not with `class_weight`.

    max_iter : int, default=1000
        The most iterations of L-BFGS, or on a GPU of Newton's method.

    tol : float, default=1e-6
        Iterations stop when no derivative of the mean loss is larger.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        Labels, sorted.

    pos_label_ : int, float, bool or str
        The label of the texts that raise the flag.

    coef_ : ndarray of shape (n_hidden,)
        The flag's row.

    intercept_ : float
        The flag's bias.

    flag_token_id_ : int
        A reserved token of the tokenizer, or a new one after the model's last.

    kl_to_base_ : float
        Divergence of the tuned language model from the one handed in, in nats a
        position, on the training texts that are not flagged: the sum of the next two.
        All three are absent if `layer` is given.

    flag_mass_ : float
        The part of `kl_to_base_` that is probability given to the flag.

    drift_ : float
        The part of `kl_to_base_` that is due to the other tokens: 0 unless there are
        adapters.

    lora_weights_ : dict of str to torch.Tensor
        The adapters, by the names of peft's files. With :class:`LoraTuning` only.

    loss_curve_ : dict of str to ndarray of shape (n_epochs,)
        Means of the terms of the loss, "flag", "benign" and with `feed_back` "after",
        in nats a position. With :class:`LoraTuning` only.

    text_intercept_ : float
        What is added to a text's aggregate, so that 0 is halfway between the means of
        the two classes of training texts. So `predict` is of use where few texts are
        flagged: the log-odds of their positions, taken one by one, stay near those of
        the class.

    center_ : float
        Median of the log-odds at all positions of the training texts that are not
        flagged.

    aggregate_, window_ : str or callable, int
        The `aggregate` and `window` of the fit; ``text_intercept_`` and thresholds are
        for these.

    threshold_ : float or dict of str to float
        Log-odds of the flag above which `predict` gives ``pos_label_``: 0 after `fit`;
        by kind of text if :meth:`fit_threshold` was told so.

    threshold_looks_, threshold_by_ : str, str or None
        What :meth:`fit_threshold` was told: "last" or "every"; None, "role" or "kinds".

    forms_ : list of str
        Which of "chats" and "texts" it was fitted on; a pair is a chat if there is a
        chat template. Being asked about the other raises a warning.

    layer_ : int or None
        The layer that was read.

    language_model_ : LanguageModel
        The handle.

    n_iter_ : int
        Iterations of L-BFGS, or on a GPU of Newton's method.

    See Also
    --------
    LanguageModel : The handle, with the settings that concern reading texts.
    RedFlagMonitor : Follows a text while it is written.
    RedFlagStoppingCriteria : Ends a generation that is flagged.

    Notes
    -----
    With hidden state h and logits z of the frozen model, the flag's log-odds are

    .. math:: s = w^\top h + b - \log \sum_v \exp z_v

    and token tuning minimises the log loss of s, where each text has weight 1, spread
    evenly over its positions. The conditional distribution of the other tokens stays as
    it was, so that the divergence from the base model is exactly the mean of
    :math:`-\log(1 - p)` with p the flag's probability.

    Models that scale or cap their logits do the same to the flag's, as they will once
    it is one of their tokens: with f what they make of a product, :math:`w^\top h + b`
    and z become :math:`f(w^\top h + b)` and f(z). A scale leaves the problem convex,
    and what `C` means; with a cap it is not quite convex. `coef_` and `intercept_` are
    the model's own kind of row and bias: w and b.

    With adapters that distribution moves: see :class:`LoraTuning`.

    Texts are scored at all of their tokens. Of a (prompt, response) pair or a chat only
    the response, or the last message, is scored, and offsets count from its start. A
    pair is rendered by the tokenizer's chat template if there is one, and otherwise
    joined by a line break; if its response is empty, the prompt is scored. Texts that
    do not fit in the model are read in overlapping windows; every position has one
    score, and all positions are pooled. A text without tokens is an error.

    References
    ----------
    .. [1] S. Xhonneux, D. Dobre, M. Mofakhami, L. Schwinn, G. Gidel, "A generative
       approach to LLM harmfulness detection with special red flag tokens", 2025.

    .. [2] Ewan S. Page, "Continuous Inspection Schemes", Biometrika 41, 1954.

    Examples
    --------
    A random model of words stands in for a real one:

    >>> import torch
    >>> from tokenizers import Tokenizer, models, pre_tokenizers
    >>> from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    >>> words = {word: i for i, word in enumerate("? we had tea he dies".split())}
    >>> tokenizer = Tokenizer(models.WordLevel(words, unk_token="?"))
    >>> tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    >>> tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    >>> config = LlamaConfig(
    ...     vocab_size=6, hidden_size=8, intermediate_size=8, num_attention_heads=2,
    ...     num_hidden_layers=1,
    ... )
    >>> from skperf.llm import LanguageModel, RedFlagClassifier
    >>> _ = torch.manual_seed(0)
    >>> language_model = LanguageModel(LlamaForCausalLM(config), tokenizer)
    >>> clf = RedFlagClassifier(language_model)
    >>> clf.fit(["we had tea", "he dies", "tea", "dies"], [0, 1, 0, 1])
    RedFlagClassifier(language_model=LanguageModel(<LlamaForCausalLM>))
    >>> clf.predict(["we had", "he"])
    array([0, 1])
    >>> monitor = clf.stream()
    >>> monitor.push("we had") < monitor.push(" tea he dies")
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "language_model": [LanguageModel, str, Path, tuple],
        "pos_label": [Real, str, "boolean", None],
        "tuning": [TokenTuning, LoraTuning, None],
        "layer": [Interval(Integral, 1, None, closed="left"), None],
        "aggregate": [StrOptions(set(AGGREGATES)), callable],
        "window": [Interval(Integral, 1, None, closed="left")],
        "C": [Interval(Real, 0, None, closed="neither")],
        "fit_intercept": ["boolean"],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "prior": [Interval(Real, 0, 1, closed="neither"), None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        language_model,
        *,
        pos_label=None,
        tuning=None,
        layer=None,
        aggregate="mean",
        window=8,
        C=1.0,
        fit_intercept=True,
        class_weight=None,
        prior=None,
        max_iter=1000,
        tol=1e-6,
    ):
        self.language_model = language_model
        self.pos_label = pos_label
        self.tuning = tuning
        self.layer = layer
        self.aggregate = aggregate
        self.window = window
        self.C = C
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.prior = prior
        self.max_iter = max_iter
        self.tol = tol

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Learn the flag.

        Parameters
        ----------
        X : iterable of length n_samples, or table with one or two columns
            Strings, (prompt, response) pairs, or chats: lists of messages, which are
            dicts with "role" and "content".

        y : array-like of shape (n_samples,)
            Labels of two classes, one of which is flagged: see `pos_label`.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the texts. None means equal weights.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        MemoryError
            If a batch of texts does not fit in memory.

        TypeError
            If a row of X is no text, pair or chat.

        ValueError
            If a text has no token to score, if there are not two classes, if they do
            not say which is flagged, if both `prior` and `class_weight` are given, if
            the model has no such layer or no head, or if the loss of adapters is not
            finite.
        """
        tuning = self.tuning or TokenTuning()
        tuning.check(self.layer)
        language_model = as_language_model(self.language_model)
        rows = rows_of(X)
        texts = language_model.tokenize(rows)
        labels, flagged = find_flagged(y, texts, self.pos_label)
        sample_weight = _check_sample_weight(
            sample_weight, texts, dtype=float, ensure_non_negative=True
        )
        states = language_model.states(texts, self.layer)
        weight = self._weigh(labels, flagged, sample_weight)
        row, n_iter = self._fit_row(language_model, states, flagged, weight)
        row, adapters = self._tune(tuning, language_model, texts, flagged, weight, row)
        scores = _scores(language_model, row, texts, states, adapters)
        text_score = fit_text_score(
            self.aggregate, self.window, scores, flagged, weight
        )
        benign = np.where(flagged, 0, sample_weight)
        measured = self._measure(language_model, row, texts, states, benign, adapters)
        self._forget(adapters | measured)
        self.forms_ = forms_of(rows, language_model.tokenizer)
        self.classes_, self.pos_label_ = np.sort(labels), labels.tolist()[1]
        self.language_model_ = language_model
        self.flag_token_id_ = language_model.flag_token_id
        self.coef_, self.intercept_, _ = row
        self.layer_, self.n_iter_ = self.layer, n_iter
        self.aggregate_, self.window_, self.center_, self.text_intercept_ = text_score
        self._forget_thresholds()
        return self

    def _weigh(self, labels, flagged, sample_weight):
        weight = super()._weigh(labels, flagged, sample_weight)
        if self.prior is None:
            return weight
        if self.class_weight is not None:
            raise ValueError(
                "prior and class_weight both say what the classes weigh. Set one of "
                "them to None."
            )
        harmless, harmful = np.bincount(flagged, weight)
        ratio = (1 - self.prior) / self.prior * harmful / harmless
        return np.where(flagged, weight, ratio * weight)

    def _fit_row(self, language_model, states, flagged, weight):
        row, n_iter, converged = fit_row(
            states,
            flagged,
            weight,
            C=self.C,
            fit_intercept=self.fit_intercept,
            max_iter=self.max_iter,
            tol=self.tol,
            function=function_of(language_model, self.layer),
            device=device_of_fit(language_model.model.device, states),
        )
        if not converged:
            warnings.warn(
                f"The flag's row did not converge in {n_iter} iterations with "
                f"tol={self.tol:g}. Increase max_iter or tol, or decrease C.",
                ConvergenceWarning,
                stacklevel=4,
            )
        return row, n_iter

    def divergence(self, X, sample_weight=None):
        """Measure how far the flag moves the language model on texts.

        ``kl_to_base_`` is of training texts, which adapters fit well; held-out ones pay
        more.

        Parameters
        ----------
        X : iterable of length n_samples, or table with one or two columns
            As in `fit`; texts without a flag, usually. They are not kept.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the texts. None means equal weights.

        Returns
        -------
        divergence : Divergence
            A named tuple of `flag_mass` and `drift`, in nats a position. Their sum is
            the divergence of the tuned language model from the one that it reads with;
            each text counts as the mean over its scored positions.

        Raises
        ------
        ValueError
            If the flag was fitted at a layer, beside the language model.
        """
        check_is_fitted(self)
        if self.layer_ is not None:
            raise ValueError(
                f"The flag was fitted at layer {self.layer_}, so it is no token of the "
                "language model, which stays as it was. Fit with layer=None."
            )
        texts = self.language_model_.tokenize(X)
        weight = _check_sample_weight(sample_weight, texts, dtype=float)
        return mean_divergence(
            self.language_model_,
            row_of(self),
            texts,
            self.language_model_.states(texts),
            weight,
            getattr(self, "lora_weights_", None),
        )

    def _forget(self, learnt):
        """Replace what not every fit has."""
        for name in _OPTIONAL:
            self.__dict__.pop(name, None)
        vars(self).update(learnt)

    def _tune(self, tuning, language_model, texts, flagged, weight, row):
        """Return the row, with the digits of the model's own rows, and adapters."""
        data = (language_model, texts, flagged, weight)
        row, adapters = tuning.tune(*data, row, fit_intercept=self.fit_intercept)
        if self.layer is not None:
            return row, adapters
        return rounded(row, language_model.head.weight.dtype), adapters

    def _measure(self, language_model, row, texts, states, weight, adapters):
        """Return the attributes about the divergence, which a probe has not."""
        if self.layer is not None:
            return {}
        mass, drift = mean_divergence(
            language_model, row, texts, states, weight, adapters.get("lora_weights_")
        )
        return {"kl_to_base_": mass + drift, "flag_mass_": mass, "drift_": drift}


def _scores(language_model, row, texts, states, adapters):
    """Return the log-odds at the positions of each text, by adapters if there are."""
    if adapters:
        weights = adapters["lora_weights_"]
        states = reader(language_model, lora_weights=weights)(texts)
    return log_odds_of_texts(row, states)
