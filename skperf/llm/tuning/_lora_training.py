# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Adapters and the flag's row by gradient steps on a loss of three terms."""

import numpy as np
import torch
from torch.nn.functional import softplus

from skperf.llm.model._head import log_normalizer
from skperf.llm.model._layers import LayerRunner, reading_the_flag, share
from skperf.llm.model._states import telling_of_memory
from skperf.llm.text._batches import batches
from skperf.llm.tuning._adapters import AdaptedLayers, lower_outputs
from skperf.llm.tuning._divergence import compare
from skperf.llm.tuning._lora_samples import draw, passages, steps
from skperf.llm.tuning._row import FlagRow, flag_logits

TERMS = ("flag", "benign", "after")


class LoraTraining:
    """Train adapters from a row that was fitted to the model without them.

    Parameters
    ----------
    language_model : LanguageModel
        The handle. Its model is left as it is.

    texts : list of TokenizedText
        The texts.

    flagged : ndarray of shape (n_texts,)
        1 for a text that the flag belongs to, otherwise 0.

    weight : ndarray of shape (n_texts,)
        Weights of the texts.

    row : FlagRow
        The row to start from.

    options : LoraTuning
        How to train.

    rng : numpy.random.RandomState
        Draws the adapters' start, the order of the texts and positions in them.

    fit_intercept : bool
        Whether the row's intercept is learnt too.

    Attributes
    ----------
    layers : AdaptedLayers
        The layers with adapters.
    """

    def __init__(
        self, language_model, texts, flagged, weight, row, options, rng, fit_intercept
    ):
        self._model, self._options, self._rng = language_model, options, rng
        self._flag = language_model.flag_token_id
        room = max(language_model.max_length - options.feed_back, 1)
        self._passages = passages(texts, flagged, weight, room)
        self._weights = np.array([passage.weight for passage in self._passages])
        self._set_layers(rng.randint(2**31 - 1))
        self._set_what_stays()
        self._coef = torch.tensor(row.coef, requires_grad=True)
        self._intercept = torch.tensor(row.intercept, dtype=torch.float64)
        self._intercept.requires_grad_(fit_intercept)
        self._set_optimizer()

    def _set_layers(self, seed):
        body, options = self._model.model.base_model, self._options
        if options.feed_back:
            body = reading_the_flag(body, self._flag)
        self.layers = AdaptedLayers(body, options.n_layers, options.rank, seed)
        n_given = self.layers.n_given
        self._lower = LayerRunner(share(body).eval(), n_given) if n_given else None

    def _set_what_stays(self):
        """Compute what no step changes."""
        texts = [passage.text for passage in self._passages]
        self._head = share(self._model.head)
        self._reference = [states.hidden for states in self._model.states(texts)]
        tokens = [text.tokens for text in texts]
        self._outputs = lower_outputs(self._model, tokens, self.layers)

    def _set_optimizer(self):
        """Let the learning rate fall to 0 in equal steps."""
        n_steps = -(-len(self._passages) // self._options.batch_size)
        n_steps *= self._options.n_epochs
        adapters = self.layers.parameters().values()
        self._optimizer = torch.optim.Adam(
            [*adapters, self._coef, self._intercept], lr=self._options.learning_rate
        )
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer, lambda step: 1 - step / max(n_steps, 1)
        )

    def row(self):
        """Return the flag's row as it is now."""
        coef = self._coef.detach().numpy().copy()
        return FlagRow(coef, self._intercept.item(), self._head.function)

    def run(self):
        """Train for all epochs.

        Returns
        -------
        curves : dict of str to ndarray of shape (n_epochs,)
            The mean of each term in each epoch, in nats a position, as it was met.

        Raises
        ------
        ValueError
            If the loss is no longer finite.
        """
        with telling_of_memory(self._model):
            epochs = [self._run_epoch() for _ in range(self._options.n_epochs)]
        curves = np.reshape(epochs, (-1, len(TERMS))).T
        n_terms = len(TERMS) if self._options.feed_back else 2
        return dict(zip(TERMS[:n_terms], curves, strict=False))

    def _run_epoch(self):
        samples = self.draw()
        lengths = np.array([len(sample.tokens) for sample in samples])
        sums = np.zeros(len(TERMS))
        for chosen in steps(lengths, self._options.batch_size, self._rng):
            sums += self._step([samples[i] for i in chosen])
        flagged = np.array([passage.flagged for passage in self._passages])
        totals = self._weights @ np.column_stack([flagged, ~flagged, flagged])
        return sums / totals

    def draw(self):
        """Return a Sample of each passage."""
        options = {
            "min_offset": self._options.min_offset,
            "feed_back": self._options.feed_back,
            "flag_token_id": self._flag,
        }
        return [
            draw(i, passage, self._rng, **options)
            for i, passage in enumerate(self._passages)
        ]

    def _step(self, samples):
        self._optimizer.zero_grad()
        scale = len(samples) * self._weights.mean()
        weights = torch.tensor(self._options.loss_weights, dtype=torch.float64)
        sums = torch.zeros(len(TERMS), dtype=torch.float64)
        for batch in batches(samples, self._model.tokens_in_batch):
            terms = self.terms(batch)
            (weights @ terms / scale).backward()
            sums += terms.detach()
        if not sums.isfinite().all():
            raise ValueError(
                f"The training loss became {sums.sum().item()}. Make the steps smaller "
                "with learning_rate."
            )
        self._optimizer.step()
        self._schedule.step()
        return sums.numpy()

    def terms(self, batch):
        """Return the sums of the three terms over samples, times their weights."""
        hidden = self.layers(batch, self._lower_outputs(batch))
        at_flag, flag_weight, _ = self._select(batch, "flag_at")
        at_keep, keep_weight, flagged = self._select(batch, "keep_at")
        to_raise, to_keep = hidden[at_flag], hidden[at_keep]
        reference = torch.cat(
            [
                self._reference[sample.passage][sample.reference].to(hidden.device)
                for sample in batch
            ]
        )
        raised = self._log_odds(
            to_raise, log_normalizer(self._head, to_raise, self._flag)
        )
        normalizer, drift = compare(self._head, to_keep, reference, self._flag)
        kept = keep_weight * (drift + softplus(self._log_odds(to_keep, normalizer)))
        flag = flag_weight @ softplus(-raised)
        return torch.stack([flag, kept[~flagged].sum(), kept[flagged].sum()])

    def _log_odds(self, hidden, normalizer):
        row = FlagRow(self._coef, self._intercept, self._head.function)
        return flag_logits(row, hidden.cpu().double()) - normalizer.cpu().double()

    def _select(self, batch, name):
        """Return where positions are in a batch, their weights, and if flagged."""
        columns = [getattr(sample, name) for sample in batch]
        counts = np.array([len(column) for column in columns])
        rows = np.repeat(np.arange(len(batch)), counts)
        numbers = np.array([sample.passage for sample in batch])[rows]
        weight = self._weights[numbers] / counts[rows]
        flagged = np.array([self._passages[i].flagged for i in numbers], dtype=bool)
        at = torch.from_numpy(rows), torch.from_numpy(np.concatenate(columns))
        return at, torch.from_numpy(weight), torch.from_numpy(flagged)

    def _lower_outputs(self, batch):
        """Return the cached ones, but compute them anew where the flag was fed back."""
        if self._lower is None:
            return []
        fed_back = [sample for sample in batch if sample.fed_back]
        with torch.no_grad():
            computed = iter(self._lower(fed_back).cpu() if fed_back else ())
        return [
            (next(computed) if sample.fed_back else self._outputs[sample.passage])[
                : len(sample.tokens)
            ]
            for sample in batch
        ]
