# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Add adapters to the matrices that they are beside."""

from transformers.pytorch_utils import Conv1D


def merged_weights(model, lora_weights):
    """Return by name the matrices of a model that have adapters, with these added.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        The causal language model, without the adapters. It is left as it is.

    lora_weights : dict of str to torch.Tensor
        The adapters A and B, by the names of peft's files. What they add is B @ A.
    """
    merged = {}
    for name, a in lora_weights.items():
        if ".lora_A." not in name:
            continue
        path = name.removeprefix("base_model.model.").partition(".lora_A.")[0]
        module = model.get_submodule(path)
        b = lora_weights[name.replace(".lora_A.", ".lora_B.")]
        update = b.double() @ a.double()
        if isinstance(module, Conv1D):  # its matrix is the other way round
            update = update.T
        weight = module.weight.detach()
        merged[f"{path}.weight"] = (weight.double().cpu() + update).to(weight.dtype)
    return merged


def mean_row(matrix):
    """Return the mean of a matrix's rows, as the embedding of a new token."""
    total = sum(part.double().sum(dim=0) for part in matrix.split(4096))
    return (total / len(matrix)).to(matrix.dtype)
