# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The method of RedFlagClassifier that gives the flag back to the language model."""

import torch
from sklearn.utils.validation import check_is_fitted

from skperf.llm._aggregates import text_score_of
from skperf.llm.model._checkpoint import (
    names_of,
    with_flag_token,
    with_row,
    write_checkpoint,
)
from skperf.llm.model._kinds import has_adapters
from skperf.llm.tuning._merging import mean_row, merged_weights


class ExportMixin:
    """A language model that has the flag among its own tokens."""

    def export(self, folder):
        """Write the language model with the flag as one of its tokens.

        The folder is a checkpoint of transformers like any other: weights as
        safetensors, configuration and tokenizer. It holds nothing of this package, so
        that ``AutoModelForCausalLM``, and every engine that loads such folders, runs
        it. Its log-odds of the flag are those of :meth:`score_positions`, up to the
        rounding of its dtype, which is that of the language model.

        The flag is a reserved token where the tokenizer has one, and otherwise the new
        one ``<|red_flag|>``; the configuration has its number as ``red_flag_token_id``,
        and as ``red_flag`` the aggregate and the threshold.
        Of token tuning the logits of all other tokens stay what they were. Adapters are
        added to the model's weights. Where input and output matrix are tied they stay
        so, unless adapters were trained with `feed_back`, and so to read the flag.

        Parameters
        ----------
        folder : str or path-like
            A folder that is empty or not there. It is written whole or not at all.

        Raises
        ------
        FileExistsError
            If there is something in the folder.

        ValueError
            If the flag is no token of the model: it was fitted at an inner layer, or it
            has an intercept and the model's output matrix has no biases.

        See Also
        --------
        save : Write what was learnt, without the language model.
        RedFlagLogitsProcessor : Reads the flag while the exported model generates.
        """
        check_is_fitted(self)
        _check_is_token(self)
        model, flag = self.language_model_.model, self.flag_token_id_
        _check_weights(model)
        _check_bias(self, model)
        lora = getattr(self, "lora_weights_", {})
        is_read = "after" in getattr(self, "loss_curve_", ())
        weights, is_tied = _with_flag(model, flag, self.coef_, self.intercept_, is_read)
        n_rows = len(self.language_model_.head.weight)
        write_checkpoint(
            folder,
            model,
            with_flag_token(self.language_model_.tokenizer, flag, flag == n_rows),
            merged_weights(model, lora) | weights,
            tie_word_embeddings=is_tied,
            vocab_size=max(n_rows, flag + 1),
            red_flag_token_id=flag,
            red_flag=_settings(self),
        )


def _settings(clf):
    """Return what says whether a text is flagged; a folder holds no function."""
    text_score = text_score_of(clf)._asdict()
    if callable(clf.aggregate_):
        text_score["aggregate"] = None
    return {
        "text_score": text_score,
        "threshold": clf.threshold_,
        "looks": clf.threshold_looks_,
    }


def _with_flag(model, flag, coef, intercept, is_read):
    """Return by name the matrices with the flag's row, and whether these are one."""
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    is_tied = head.weight is embedding.weight and not is_read
    made = with_row(head.weight, flag, torch.from_numpy(coef))
    weights = dict.fromkeys(names_of(model, head.weight), made)
    if not is_tied:
        embedded = with_row(embedding.weight, flag, _embedded(embedding.weight, flag))
        names = names_of(model, embedding.weight)
        weights |= dict.fromkeys(set(names) - {_name_of_head(model)}, embedded)
    if head.bias is not None:
        biases = with_row(head.bias, flag, torch.tensor(intercept))
        weights |= dict.fromkeys(names_of(model, head.bias), biases)
    return weights, is_tied


def _name_of_head(model):
    head = model.get_output_embeddings()
    (name,) = (name for name, module in model.named_modules() if module is head)
    return f"{name}.weight"


def _embedded(matrix, flag):
    """Return what a new token is embedded as; a reserved one is as it was."""
    return None if flag < len(matrix) else mean_row(matrix.detach())


def _check_is_token(clf):
    if clf.layer_ is None:
        return
    raise ValueError(
        f"The flag was fitted at layer {clf.layer_}, where it is a probe beside the "
        "language model, and not one of its tokens. Fit with layer=None to export, or "
        "use save."
    )


def _check_weights(model):
    """Raise unless the matrices are there, and plain, with a row for each token."""
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    is_plain = isinstance(head, torch.nn.Linear) and head.weight.is_floating_point()
    if not is_plain or getattr(model, "hf_quantizer", None) is not None:
        raise ValueError(
            f"{type(model).__name__} has quantized weights, or an output head that is "
            "no linear map, into which no row can be put. Load it in float32 or "
            "bfloat16."
        )
    if has_adapters(model):
        raise ValueError(
            "The model has adapters of peft, which an ordinary checkpoint has not. "
            "Merge them into its weights first, with merge_and_unload, and fit again."
        )
    if len(head.weight) != len(embedding.weight):
        raise ValueError(
            f"{type(model).__name__} reads {len(embedding.weight)} tokens and writes "
            f"{len(head.weight)}, so a token cannot have the same number in both."
        )
    if any(parameter.is_meta for parameter in model.parameters()):
        raise ValueError(
            "Weights of the model are offloaded and not in memory. Load it without "
            "device_map, and fit again."
        )


def _check_bias(clf, model):
    if clf.intercept_ == 0 or model.get_output_embeddings().bias is not None:
        return
    raise ValueError(
        f"The flag has the intercept {clf.intercept_:.3g}, and the output matrix of "
        f"{type(model).__name__} has no biases. Fit with fit_intercept=False to "
        "export: the flag is then raised by its row alone."
    )
