"""Expected hidden states of tiny models with rotary positions.

    python make_rotary.py

Writes modernbert.txt by the implementation of Hugging Face Transformers (4.57, torch, eager attention), and nomic_bert.txt and
new.txt by the forward passes below, written after the published modeling_hf_nomic_bert.py and modeling.py (new-impl). All are
computed in f64 from weights in f32, which a linear congruential generator makes; the tests make the same.

Lines: `config JSON`; `tensor NAME DIMENSIONS SCALE OFFSET` in the order of generation; `states IDS: VALUES`, token by token.
"""

import json
import math
import pathlib

import numpy as np

HIDDEN, HEADS, INNER, LAYERS, VOCABULARY = 32, 4, 40, 4, 50
LENGTHS = (1, 6, 45)


class Random:
    def __init__(self, seed):
        self.state = seed

    def values(self, count):
        out = np.empty(count, np.float32)
        for at in range(count):
            self.state = (self.state * 1664525 + 1013904223) % 2**32
            out[at] = np.float32(self.state >> 8) / np.float32(8388608) - np.float32(1)
        return out


def matrix(name, n_out, n_in):
    return name + ".weight", (n_out, n_in), 2 / math.sqrt(n_in), 0


def bias(name, n_out):
    return name + ".bias", (n_out,), 0.2, 0


def norm(name, with_bias=True):
    yield name + ".weight", (HIDDEN,), 0.3, 1
    if with_bias:
        yield name + ".bias", (HIDDEN,), 0.2, 0


def modernbert():
    config = {
        "model_type": "modernbert", "hidden_size": HIDDEN, "num_attention_heads": HEADS, "num_hidden_layers": LAYERS,
        "intermediate_size": INNER, "vocab_size": VOCABULARY, "max_position_embeddings": 64, "norm_eps": 1e-5,
        "hidden_activation": "gelu", "global_attn_every_n_layers": 3, "local_attention": 8,
        "global_rope_theta": 160000.0, "local_rope_theta": 10000.0, "norm_bias": False, "attention_bias": False,
        "mlp_bias": False, "pad_token_id": 0,
    }
    yield config
    yield "embeddings.tok_embeddings.weight", (VOCABULARY, HIDDEN), 1, 0
    yield from norm("embeddings.norm", False)
    for at in range(LAYERS):
        name = f"layers.{at}."
        if at:
            yield from norm(name + "attn_norm", False)
        yield matrix(name + "attn.Wqkv", 3 * HIDDEN, HIDDEN)
        yield matrix(name + "attn.Wo", HIDDEN, HIDDEN)
        yield from norm(name + "mlp_norm", False)
        yield matrix(name + "mlp.Wi", 2 * INNER, HIDDEN)
        yield matrix(name + "mlp.Wo", HIDDEN, INNER)
    yield from norm("final_norm", False)


def nomic_bert():
    yield {
        "model_type": "nomic_bert", "n_embd": HIDDEN, "n_head": HEADS, "n_layer": LAYERS, "n_inner": INNER,
        "n_positions": 64, "max_trained_positions": 48, "layer_norm_epsilon": 1e-12, "activation_function": "swiglu",
        "rotary_emb_base": 1000, "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False, "rotary_emb_scale_base": None,
        "rotary_scaling_factor": None, "prenorm": False, "use_rms_norm": False, "causal": False, "qkv_proj_bias": False,
        "mlp_fc1_bias": False, "mlp_fc2_bias": False, "type_vocab_size": 2, "vocab_size": VOCABULARY,
    }
    yield "embeddings.word_embeddings.weight", (VOCABULARY, HIDDEN), 1, 0
    yield "embeddings.token_type_embeddings.weight", (2, HIDDEN), 0.3, 0
    yield from norm("emb_ln")
    for at in range(LAYERS):
        name = f"encoder.layers.{at}."
        yield matrix(name + "attn.Wqkv", 3 * HIDDEN, HIDDEN)
        yield matrix(name + "attn.out_proj", HIDDEN, HIDDEN)
        yield from norm(name + "norm1")
        yield matrix(name + "mlp.fc11", INNER, HIDDEN)
        yield matrix(name + "mlp.fc12", INNER, HIDDEN)
        yield matrix(name + "mlp.fc2", HIDDEN, INNER)
        yield from norm(name + "norm2")


def new():
    yield {
        "model_type": "new", "hidden_size": HIDDEN, "num_attention_heads": HEADS, "num_hidden_layers": LAYERS,
        "intermediate_size": INNER, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "layer_norm_type": "layer_norm",
        "logn_attention_scale": False, "max_position_embeddings": 64, "pack_qkv": True, "position_embedding_type": "rope",
        "rope_theta": 500000, "rope_scaling": {"type": "ntk", "factor": 2.0}, "type_vocab_size": 2, "vocab_size": VOCABULARY,
    }
    yield "embeddings.word_embeddings.weight", (VOCABULARY, HIDDEN), 1, 0
    yield "embeddings.token_type_embeddings.weight", (2, HIDDEN), 0.3, 0
    yield from norm("embeddings.LayerNorm")
    for at in range(LAYERS):
        name = f"encoder.layer.{at}."
        yield matrix(name + "attention.qkv_proj", 3 * HIDDEN, HIDDEN)
        yield bias(name + "attention.qkv_proj", 3 * HIDDEN)
        yield matrix(name + "attention.o_proj", HIDDEN, HIDDEN)
        yield bias(name + "attention.o_proj", HIDDEN)
        yield from norm(name + "attn_ln")
        yield matrix(name + "mlp.up_gate_proj", 2 * INNER, HIDDEN)
        yield matrix(name + "mlp.down_proj", HIDDEN, INNER)
        yield bias(name + "mlp.down_proj", HIDDEN)
        yield from norm(name + "mlp_ln")


def layer_norm(x, w, name, epsilon):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * w[name + ".weight"] + w[name + ".bias"]


def linear(x, w, name):
    return x @ w[name + ".weight"].T + w.get(name + ".bias", 0)


def attention(qkv, frequencies):
    """`qkv`: tokens x (3 x heads x dimensions)."""
    length, d = len(qkv), HIDDEN // HEADS
    q, k, v = qkv.reshape(length, 3, HEADS, d).transpose(1, 2, 0, 3)
    angles = np.outer(np.arange(length), frequencies)
    cos, sin = (np.concatenate([f(angles)] * 2, -1) for f in (np.cos, np.sin))
    half = lambda x: np.concatenate([-x[..., d // 2 :], x[..., : d // 2]], -1)
    q, k = (x * cos + half(x) * sin for x in (q, k))
    scores = np.exp(q @ k.transpose(0, 2, 1) / math.sqrt(d))
    return (scores / scores.sum(-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(length, HIDDEN)


def nomic_bert_states(config, w, ids):
    epsilon, d = config["layer_norm_epsilon"], HIDDEN // HEADS
    frequencies = 1 / config["rotary_emb_base"] ** (np.arange(0, d, 2) / d)
    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.token_type_embeddings.weight"][0]
    x = layer_norm(x, w, "emb_ln", epsilon)
    for at in range(LAYERS):
        name = f"encoder.layers.{at}."
        a = linear(attention(linear(x, w, name + "attn.Wqkv"), frequencies), w, name + "attn.out_proj")
        x = layer_norm(a + x, w, name + "norm1", epsilon)
        gate = linear(x, w, name + "mlp.fc12")
        y = linear(x, w, name + "mlp.fc11") * gate / (1 + np.exp(-gate))
        x = layer_norm(linear(y, w, name + "mlp.fc2") + x, w, name + "norm2", epsilon)
    return x


def new_states(config, w, ids):
    epsilon, d, factor = config["layer_norm_eps"], HIDDEN // HEADS, config["rope_scaling"]["factor"]
    frequencies = 1 / (config["rope_theta"] * factor) ** (np.arange(0, d, 2) / d) / factor ** (2 / d)
    gelu = np.vectorize(lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))))
    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.token_type_embeddings.weight"][0]
    x = layer_norm(x, w, "embeddings.LayerNorm", epsilon)
    for at in range(LAYERS):
        name = f"encoder.layer.{at}."
        a = linear(attention(linear(x, w, name + "attention.qkv_proj"), frequencies), w, name + "attention.o_proj")
        x = layer_norm(x + a, w, name + "attn_ln", epsilon)
        up, gate = np.split(linear(x, w, name + "mlp.up_gate_proj"), 2, -1)
        x = layer_norm(x + linear(gelu(gate) * up, w, name + "mlp.down_proj"), w, name + "mlp_ln", epsilon)
    return x


def modernbert_states(config, w, ids):
    import torch
    from transformers import ModernBertConfig, ModernBertModel

    torch.set_default_dtype(torch.float64)
    settings = {key: value for key, value in config.items() if key != "model_type"}
    settings = ModernBertConfig(**settings, attn_implementation="eager", reference_compile=False)
    model = ModernBertModel(settings).eval()
    model.load_state_dict({name: torch.tensor(value) for name, value in w.items()})
    with torch.no_grad():
        return model.double()(input_ids=torch.tensor([ids])).last_hidden_state[0].numpy()


def main():
    for spec, states in ((modernbert, modernbert_states), (nomic_bert, nomic_bert_states), (new, new_states)):
        config, *tensors = spec()
        random, weights = Random(7), {}
        lines = ["config " + json.dumps(config)]
        for name, dims, scale, offset in tensors:
            scale = np.float32(scale)
            values = random.values(math.prod(dims)) * scale + np.float32(offset)
            weights[name] = values.reshape(dims).astype(np.float64)
            lines.append(f"tensor {name} {','.join(map(str, dims))} {scale!s} {offset}")
        for length in LENGTHS:
            ids = [(at * at * 7 + 3 * at + length) % VOCABULARY for at in range(length)]
            found = states(config, weights, ids)
            values = " ".join(f"{value:.9g}" for value in found.ravel())
            lines.append(f"states {' '.join(map(str, ids))}: {values}")
        path = pathlib.Path(__file__).with_name(spec.__name__ + ".txt")
        path.write_text("\n".join(lines) + "\n")


main()
