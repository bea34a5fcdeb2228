# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Write a language model with one more token as a checkpoint of transformers."""

import shutil
import tempfile
from copy import copy, deepcopy
from pathlib import Path

import torch
from tokenizers import AddedToken

FLAG_TOKEN = "<|red_flag|>"


def with_row(matrix, number, row):
    """Return a copy of a matrix, or vector, with a row replaced or put behind the last.

    Parameters
    ----------
    matrix : torch.Tensor of shape (n_rows, n_hidden) or (n_rows,)
        What has a row for each token.

    number : int
        Number of the row; at most `n_rows`.

    row : torch.Tensor of shape (n_hidden,) or (), or None
        The row. None leaves one that is there as it is.
    """
    matrix = matrix.detach()
    if number < len(matrix) and row is None:
        return matrix
    row = row.to(matrix)[None]
    return torch.cat([matrix[:number], row, matrix[number + 1 :]])


def names_of(model, weight):
    """Return the names that a parameter has in the model; tied ones have several."""
    named = model.named_parameters(remove_duplicate=False)
    return [name for name, parameter in named if parameter is weight]


def with_flag_token(tokenizer, number, is_new):
    """Return a copy of a tokenizer in which a number is that of a special token.

    Rows of the model that no token has come before a new one: they get tokens too, as
    a tokenizer numbers its tokens without gaps.
    """
    tokenizer = deepcopy(tokenizer)
    token = None if is_new else tokenizer.convert_ids_to_tokens(number)
    if token is None:
        first = max(tokenizer.get_vocab().values()) + 1
        unused = [_special(f"<|no_token_{i}|>") for i in range(first, number)]
        tokenizer.add_tokens(unused, special_tokens=True)
        token = FLAG_TOKEN
    tokenizer.add_special_tokens(
        {"extra_special_tokens": [_special(token)]}, replace_extra_special_tokens=False
    )
    if tokenizer.convert_tokens_to_ids(token) != number:
        raise ValueError(
            f"The flag is token {number} of the model, and cannot be that of the "
            f"tokenizer: it has more tokens, or one that is called {FLAG_TOKEN!r}. "
            "Pass the tokenizer that belongs to the model."
        )
    return tokenizer


def _special(token):
    return AddedToken(token, special=True, normalized=False)


def write_checkpoint(folder, model, tokenizer, weights, **settings):
    """Write a folder that transformers loads, whole or not at all.

    Parameters
    ----------
    folder : str or path-like
        A folder that is empty or not there.

    model : transformers.PreTrainedModel
        What the checkpoint is of. It is left as it is.

    tokenizer : transformers.PreTrainedTokenizerFast
        Its tokenizer.

    weights : dict of str to torch.Tensor
        Weights that replace the model's.

    **settings : object
        What replaces or is added to the configuration.
    """
    folder = Path(folder).absolute()
    _check_free(folder)
    shell = copy(model)  # saving writes into the configuration
    shell.config = deepcopy(model.config)
    for name, value in settings.items():
        setattr(shell.config.get_text_config(), name, value)
    state = model.state_dict() | weights
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        shell.save_pretrained(unfinished, state_dict=state)
        tokenizer.save_pretrained(unfinished)
        if folder.exists():
            folder.rmdir()
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _check_free(folder):
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(
            f"{str(folder)!r} is there already and not an empty folder. Remove it, or "
            "export into a new folder."
        )
