# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tiny random models of all architectures that transformers has for causal LMs."""

import inspect

import torch
import transformers
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
)

KINDS = sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
_MOST_WEIGHTS = 15_000_000

# By the names that configurations have for them; what is smaller stays.
_SIZES = {
    64: """
        context_length d_ff d_inner decoder_ffn_dim dense_intermediate_size dff
        dim_ff encoder_ffn_dim expert_ffn_hidden_size feed_forward_size ffn_dim
        ffn_hidden_size intermediate_size intermediate_size_mlp mamba_d_ssm
        max_position_embeddings max_seq_len max_target_positions mlp_dim n_inner
        n_positions shared_intermediate_size vocab_size vocab_size_per_layer_input
    """,
    32: """
        attention_hidden_size backbone_hidden_size d_model emb_dim embedding_dim
        embedding_size hidden_size hidden_size_per_layer_input lru_width n_embd
        word_embed_proj_dim
    """,
    16: """
        attention_window_size index_topk mamba_dt_rank moe_intermediate_size
        moe_latent_size moe_shared_expert_intermediate_size
        shared_expert_intermediate_size
    """,
    8: """
        attention_chunk_size attention_head_dim chunk_size dim_model_base head_dim
        index_head_dim kv_channels kv_lora_rank linear_key_head_dim
        linear_value_head_dim mamba_chunk_size mamba_d_head mamba_d_state
        mamba_head_dim mamba_headdim mamba_n_heads mamba_num_heads o_lora_rank
        q_lora_rank sliding_window ssm_state_size state_size swa_head_dim
        time_step_rank v_head_dim window_size
    """,
    4: """
        decoder_attention_heads decoder_layers encoder_attention_heads
        encoder_layers index_n_heads linear_num_value_heads moe_num_experts n_head
        n_heads n_layer n_layers n_routed_experts num_attention_heads
        num_decoder_attention_heads num_decoder_layers num_encoder_attention_heads
        num_encoder_layers num_experts num_heads num_hidden_layers num_layers
        num_local_experts qk_nope_head_dim qk_rope_head_dim rotary_dim
        swa_num_attention_heads
    """,
    2: """
        linear_num_key_heads moe_k moe_top_k moe_topk num_experts_per_tok
        num_experts_per_token num_key_value_heads num_kv_heads o_groups
        swa_num_key_value_heads
    """,
    1: """
        first_k_dense_replace mamba_n_groups mamba_ngroups n_group n_groups
        n_shared_experts ngram num_nextn_predict_layers topk_group
    """,
}
_BY_NAME = {name: size for size, names in _SIZES.items() for name in names.split()}
# What is tried where sizes do not fit together, one after the other.
_NO_ENDS = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"))
_ENDS = dict.fromkeys(_NO_ENDS, 1)
_HEADS = {"num_key_value_heads": 4}
_VARIANTS = [
    _NO_ENDS,
    _NO_ENDS | _HEADS,
    _ENDS,
    _ENDS | _HEADS,
    _ENDS | _HEADS | {"qk_nope_head_dim": 4, "qk_rope_head_dim": 4, "v_head_dim": 8},
    _ENDS | _HEADS | {"num_hidden_layers": 8},
]
_OWN = {
    "bamba": {"attn_layer_indices": [1]},
    "deepseek_v2": {"num_experts_per_tok": 2},
    "dots1": {"n_routed_experts": 4},
    "gemma4_assistant": {"hidden_size_per_layer_input": 0},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]]},
    "granitemoehybrid": {"layer_types": ["mamba", "attention"] * 2},
    "hunyuan_v1_dense": {"head_dim": 8},
    "hunyuan_v1_moe": {"head_dim": 8},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 2},
    "mamba2": {"num_heads": 8, "head_dim": 8},
    "ministral": {"head_dim": 8},
    "reformer": {"axial_pos_embds": False, "is_decoder": True},
}
_ENCODERS = set(
    """
    bert bert-generation big_bird camembert data2vec-text electra ernie git
    megatron-bert rembert roberta roberta-prelayernorm roc_bert roformer xlm-roberta
    xlm-roberta-xl xmod
    """.split()  # noqa: SIM905 - shorter
)


def tiny_config(kind, config_class=None, **variant):
    """Return a configuration with small sizes in place of those that are known."""
    config_class = config_class or transformers.CONFIG_MAPPING[kind]
    default = config_class()
    written = {new: old for old, new in default.attribute_map.items()}
    known = inspect.signature(config_class.__init__).parameters
    sizes = {}
    for name, value in default.to_dict().items():
        old = written.get(name, name)
        size = _BY_NAME.get(name, _BY_NAME.get(old))
        if size and isinstance(value, int) and not isinstance(value, bool):
            sizes[name] = min(size, value)
    if "qk_rope_head_dim" in sizes:  # latent attention: its heads are made of parts
        sizes |= {"num_key_value_heads": 4}
        sizes.pop("head_dim", None)
    for name, part in vars(default).items():
        if isinstance(part, transformers.PreTrainedConfig):
            sizes[name] = tiny_config(kind, type(part), **variant).to_dict()
    for name, value in variant.items():
        if hasattr(default, name) and (value is not None or name in known):
            sizes[name] = value
    sizes |= {"is_decoder": True} if kind in _ENCODERS else {}
    return config_class(**{**sizes, **_OWN.get(kind, {})})


def tiny_model(kind):
    """Return a random model in float32, the first variant that can be run."""
    first = None
    for variant in _VARIANTS:
        try:
            model = _build(tiny_config(kind, **variant))
            with torch.no_grad():
                model(input_ids=torch.arange(12)[None], use_cache=False)
        except Exception as error:
            first = first or error
        else:
            return model
    raise first


def _build(config):
    make = transformers.AutoModelForCausalLM.from_config
    with torch.device("meta"):
        n_weights = sum(weight.numel() for weight in make(config).parameters())
    if n_weights > _MOST_WEIGHTS:
        raise ValueError(f"{n_weights} weights are not tiny.")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = make(config).float().eval()
        for weight in model.parameters():  # the usual ones hardly differ
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=0.3)
    return model
