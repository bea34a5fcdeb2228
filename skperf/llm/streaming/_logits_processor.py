# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""RedFlagLogitsProcessor: the flag of a model that has it, while it generates."""

import numpy as np
import torch
from transformers import LogitsProcessor

from skperf.llm.streaming._exported import ends_of, read_exported, vocabulary_of
from skperf.llm.streaming._passes import Passes
from skperf.llm.streaming._report import GenerationReport, judge
from skperf.llm.streaming._running import RunningScore
from skperf.llm.streaming._written import Node, Row


class RedFlagLogitsProcessor(LogitsProcessor):
    """Reads the flag from the logits that `generate` computes anyway.

    For a model that :meth:`RedFlagClassifier.export` has written. The flag itself is
    never written. The log-odds are those of :meth:`RedFlagClassifier.score_positions`,
    for every token, and no token is read twice. Greedy decoding, sampling and beams may
    be used, with any cache, and with any other processors: it looks at logits as the
    model makes them.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        The exported model, the one whose `generate` is called.

    tokenizer : transformers.PreTrainedTokenizerFast
        Its tokenizer.

    stop : bool, default=True
        Whether a row ends as soon as the text so far is flagged. Otherwise it goes on,
        and the flag is reported only.

    threshold : float, default=None
        Log-odds above which a text is flagged. None means that of the classifier when
        it was exported.

    aggregate : str or callable, default=None
        As in RedFlagClassifier. None means that of the classifier; a function has to be
        passed again.

    pad_token_id : int, default=None
        The padding, if `generate` is given another one than the model's or the
        tokenizer's.

    Raises
    ------
    ValueError
        If the model has no flag, or no end-of-text token to stop with.

    See Also
    --------
    RedFlagStoppingCriteria : For a model without the flag, with one more model.

    Notes
    -----
    Make a new one for each call of `generate`. When that ends, it has not read the last
    token it wrote: :meth:`report` does so, with the cache where that is possible.

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
    >>> clf = RedFlagClassifier(language_model, fit_intercept=False)
    >>> clf = clf.fit(["we had tea", "he dies", "tea", "dies"], [0, 1, 0, 1])

    Its folder holds a language model that raises the flag by itself:

    >>> import tempfile
    >>> from transformers import AutoModelForCausalLM, AutoTokenizer
    >>> from skperf.llm import RedFlagLogitsProcessor
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     clf.export(folder)
    ...     model = AutoModelForCausalLM.from_pretrained(folder)
    ...     its_tokenizer = AutoTokenizer.from_pretrained(folder)
    >>> inputs = its_tokenizer(["we had"], return_tensors="pt")["input_ids"]
    >>> flag = RedFlagLogitsProcessor(model, its_tokenizer, stop=False, pad_token_id=0)
    >>> output = model.generate(
    ...     inputs, logits_processor=[flag], max_new_tokens=3, do_sample=False,
    ...     pad_token_id=0,
    ... )
    >>> report = flag.report(output)
    >>> report.log_odds.shape
    (1, 3)
    >>> bool((report.probability > 0.5) == report.flagged)
    True
    """

    def __init__(
        self,
        model,
        tokenizer,
        *,
        stop=True,
        threshold=None,
        aggregate=None,
        pad_token_id=None,
    ):
        self._exported = read_exported(model, threshold, aggregate)
        self._vocabulary = vocabulary_of(model, tokenizer, pad_token_id)
        self._ends, self._stop = ends_of(model), stop
        if stop and not self._ends:
            raise ValueError(
                "Rows cannot be ended: the model has no end-of-text token. Set "
                "model.generation_config.eos_token_id, or pass stop=False."
            )
        self._passes = Passes(model)
        self._roots, self._rows, self._seen = {}, [], None

    def __call__(self, input_ids, scores):
        """Read the logits, and return scores without the flag.

        Parameters
        ----------
        input_ids : torch.Tensor of shape (n_rows, n_tokens)
            Prompts and what was written after them.

        scores : torch.Tensor of shape (n_rows, n_vocabulary)
            What the next token is chosen by.

        Returns
        -------
        scores : torch.Tensor of shape (n_rows, n_vocabulary)
            The flag has minus infinity; so have all but the end of text in rows that
            are flagged.

        Raises
        ------
        ValueError
            If the rows do not go on from those of the last call, or if there was not
            one forward pass for them.
        """
        self._check_passes()
        log_odds = self._log_odds(self._passes.take())
        if self._seen is None:
            self._start(input_ids)
        else:
            self._go_on(input_ids, log_odds)
        self._seen = input_ids.clone()
        scores = _without(scores, self._exported.token_id)
        flagged = [i for i, row in enumerate(self._rows) if self._is_to_end(row)]
        return self._end(scores, flagged) if flagged else scores

    def _check_passes(self):
        n_new = self._passes.n_new
        if n_new == 1 or (n_new and self._seen is None):  # a prompt may take several
            return
        raise ValueError(
            f"There were {n_new} forward passes of the model for one token. Pass the "
            "processor to generate of the model that it was made with, and without an "
            "assistant or classifier-free guidance."
        )

    def _log_odds(self, logits):
        flag = self._exported.token_id
        # two slices: a masked copy would take as long as the sums
        others = (logits[:, :flag], logits[:, flag + 1 :])
        normalizer = torch.logaddexp(*(some.logsumexp(dim=1) for some in others))
        return (logits[:, flag] - normalizer).tolist()

    def _start(self, input_ids):
        self._n_prompt = input_ids.shape[1]
        for i, prompt in enumerate(input_ids.tolist()):
            root, _ = self._roots.setdefault(tuple(prompt), (Node(), i))
            running = RunningScore(self._exported.text_score)
            self._rows.append(Row(root, running))

    def _go_on(self, input_ids, log_odds):
        self._rows = self._continued(input_ids[:, :-1])
        tokens = input_ids[:, -1].tolist()
        for row, token, value in zip(self._rows, tokens, log_odds, strict=True):
            row.push(token, value, self._vocabulary)

    def _continued(self, before):
        """Return the texts that the rows go on from: beams are reordered."""
        if torch.equal(before, self._seen):
            return self._rows
        numbers = {tuple(seen): i for i, seen in enumerate(self._seen.tolist())}
        parents = [numbers.get(tuple(row)) for row in before.tolist()]
        if None in parents:
            raise ValueError(
                "The rows do not go on from those of the last step. Make a "
                "RedFlagLogitsProcessor for each call of generate."
            )
        return [self._rows[i].copy() for i in parents]

    def _is_to_end(self, row):
        pooled = row.running.pooled
        return self._stop and not row.ended and pooled > self._exported.threshold

    def _end(self, scores, flagged):
        """Leave nothing but the end of text in some rows."""
        left = scores[flagged][:, self._ends].nan_to_num(neginf=0)
        scores[flagged] = -torch.inf
        for column, token in enumerate(self._ends):
            scores[flagged, token] = left[:, column]
        return scores

    def report(self, output):
        """Return what was written, and the flag in it.

        Parameters
        ----------
        output : torch.Tensor of shape (n_rows, n_tokens), or output of generate
            What `generate` returned.

        Returns
        -------
        report : GenerationReport
            The flag at every token, and the texts unless they are withheld.

        Raises
        ------
        ValueError
            If that was not written with this processor.
        """
        if self._seen is None:
            raise ValueError("Call generate with this processor before its report.")
        sequences = getattr(output, "sequences", output)
        paths = [self._path(tokens) for tokens in sequences.tolist()]
        self._read_last(sequences, paths)
        log_odds = np.full((len(paths), sequences.shape[1] - self._n_prompt), np.nan)
        for row, path in zip(log_odds, paths, strict=True):
            row[list(path)] = [node.log_odds for node in path.values()]
        probability, flagged = np.array([self._judge(row) for row in log_odds]).T
        if self._stop:
            sequences = sequences.clone()
            sequences[flagged > 0, self._n_prompt :] = self._vocabulary.pad
        return GenerationReport(sequences, log_odds, probability, flagged > 0)

    def _judge(self, log_odds):
        _, text_score, threshold, looks_at_all = self._exported
        return judge(log_odds, text_score, threshold, self._stop or looks_at_all)

    def _path(self, tokens):
        """Return the nodes of those tokens of a row that are text, by place."""
        node, _ = self._roots.get(tuple(tokens[: self._n_prompt]), (Node(), None))
        written = tokens[self._n_prompt :]
        path = {}
        for place, is_text in enumerate(self._vocabulary.scored(written)):
            node = node.next(written[place])
            if is_text:
                path[place] = node
        if any(node.log_odds is None for node in list(path.values())[:-1]):
            raise ValueError("The texts were not written with this processor.")
        return path

    def _read_last(self, sequences, paths):
        """Read the last tokens of the texts where generate has not."""
        last = {i: max(path) for i, path in enumerate(paths) if path}
        unread = [i for i, place in last.items() if paths[i][place].log_odds is None]
        if not unread:
            return
        goes_on = torch.equal(sequences[:, :-1], self._seen)
        if goes_on and self._passes.can_go_on(self._seen.shape[1]):
            read = self._log_odds(self._passes.read_last(sequences))
        else:
            read = {i: self._read_again(sequences[i], last[i]) for i in unread}
        for i in unread:
            paths[i][last[i]].log_odds = read[i]

    def _read_again(self, sequence, place):
        _, row = self._roots[tuple(sequence[: self._n_prompt].tolist())]
        n_real = self._passes.n_real(row, self._n_prompt, self._seen.shape[1])
        text = sequence[self._n_prompt - n_real : self._n_prompt + place + 1]
        return self._log_odds(self._passes.read_again(text))[0]


def _without(scores, token):
    """Return scores with minus infinity for a token."""
    index = torch.tensor([token], device=scores.device)
    return scores.index_fill(1, index, -torch.inf)
