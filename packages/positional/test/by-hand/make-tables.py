"""Makes test/fixtures/*.json with torch 2.15.0 and transformers 5.23.0: python make-tables.py"""

import itertools
import json
from pathlib import Path

import torch
from transformers import GPTNeoXConfig, LlamaConfig, PhiConfig, Qwen2Config
from transformers.models.gpt_neox.modeling_gpt_neox import GPTNeoXRotaryEmbedding
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding
from transformers.models.phi.modeling_phi import PhiRotaryEmbedding
from transformers.models.qwen2.modeling_qwen2 import Qwen2RotaryEmbedding
from transformers.models.t5.modeling_t5 import T5Attention

FOLDER = Path(__file__).parent.parent / "fixtures"

# Buckets of the distances -600 to 600, as [bucket, how many in a row].
BUCKETS = [(32, 128), (32, 600), (8, 20), (16, 40), (7, 25), (64, 256), (320, 800), (12, 1000), (4, 3), (10, 129)]


def buckets():
    distances = torch.arange(-600, 601)
    for (num_buckets, max_distance), bidirectional in itertools.product(BUCKETS, [True, False]):
        found = T5Attention._relative_position_bucket(
            distances, bidirectional=bidirectional, num_buckets=num_buckets, max_distance=max_distance
        )
        yield {
            "numBuckets": num_buckets,
            "maxDistance": max_distance,
            "bidirectional": bidirectional,
            "runs": [[bucket, len(list(run))] for bucket, run in itertools.groupby(found.tolist())],
        }


SIZES = {"hidden_size": 64, "num_attention_heads": 4, "max_position_embeddings": 128}
SHORT = [1.0, 1.02, 1.1, 1.2, 1.35, 1.5, 1.8, 2.0]
LONG = [1.1, 1.5, 2.1, 3.3, 4.7, 6.1, 8.9, 12.3]
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}
ROPE = [
    {**SIZES, "rope_theta": 10000.0},
    {**SIZES, "rope_theta": 500000.0, "head_dim": 24},
    {**SIZES, "rope_theta": 1000000.0, "head_dim": 80},
    {**SIZES, "rope_theta": 10000.0, "rope_scaling": {"type": "linear", "factor": 3.0}},
    {**SIZES, "rope_parameters": {"rope_type": "linear", "rope_theta": 20000.0, "factor": 2.5, "partial_rotary_factor": 0.5}},
    {**SIZES, "rope_theta": 10000.0, "rope_scaling": {"type": "dynamic", "factor": 4.0}},
    {**SIZES, "max_position_embeddings": 48, "rope_parameters": {"rope_type": "dynamic", "rope_theta": 5000.0, "factor": 1.5, "partial_rotary_factor": 0.75}},
    {**SIZES, "rope_parameters": {**YARN, "rope_theta": 10000.0}},
    {**SIZES, "rope_parameters": {**YARN, "rope_theta": 10000.0, "mscale": 0.707, "mscale_all_dim": 1.0}},
    {**SIZES, "rope_parameters": {**YARN, "rope_theta": 10000.0, "mscale": 1.0, "mscale_all_dim": 0}},
    {**SIZES, "rope_theta": 10000.0, "rope_scaling": {"type": "yarn", "factor": 2.0, "beta_fast": 8, "beta_slow": 2, "truncate": False}},
    {**SIZES, "head_dim": 64, "rope_parameters": {**YARN, "rope_theta": 150000.0, "factor": 32.0, "truncate": False, "original_max_position_embeddings": 4096}},
    {**SIZES, "head_dim": 64, "rope_parameters": {**YARN, "rope_theta": 1000000.0, "attention_factor": 1.5, "partial_rotary_factor": 0.25}},
    {**SIZES, "rope_parameters": {**YARN, "rope_theta": 10000.0, "factor": None}},
    {**SIZES, "head_dim": 128, "rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}},
    {**SIZES, "rope_parameters": {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 2.0, "original_max_position_embeddings": 64}},
    {**SIZES, "rope_theta": 10000.0, "original_max_position_embeddings": 16, "rope_scaling": {"rope_type": "longrope", "short_factor": SHORT, "long_factor": LONG}},
    {**SIZES, "rope_theta": 10000.0, "original_max_position_embeddings": 256, "rope_scaling": {"type": "longrope", "short_factor": SHORT, "long_factor": LONG}},
    {**SIZES, "rope_parameters": {"rope_type": "longrope", "rope_theta": 10000.0, "factor": 6.0, "attention_factor": 1.3, "short_factor": SHORT, "long_factor": LONG, "original_max_position_embeddings": 64}},
    {**SIZES, "rope_parameters": {"rope_type": "proportional", "rope_theta": 10000.0, "partial_rotary_factor": 0.25}},
    {**SIZES, "rope_parameters": {"rope_type": "proportional", "rope_theta": 10000.0, "partial_rotary_factor": 0.8, "factor": 2.0}},
    {"model_type": "gpt_neox", **SIZES, "rotary_pct": 0.25, "rotary_emb_base": 20000},
    {"model_type": "llama", **SIZES, "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}},
    {"model_type": "llama", **SIZES, "rope_theta": 10000.0, "partial_rotary_factor": 0.25},
    {"model_type": "llama", **SIZES, "rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0, "partial_rotary_factor": 0.5}},
    {"model_type": "qwen2", **SIZES, "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}},
    {"model_type": "phi", **SIZES, "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.75}},
]
EMBEDDINGS = {
    "gpt_neox": (GPTNeoXConfig, GPTNeoXRotaryEmbedding),
    "phi": (PhiConfig, PhiRotaryEmbedding),
    "qwen2": (Qwen2Config, Qwen2RotaryEmbedding),
}
POSITIONS = [1, 40, 999]  # of 1000


def rope():
    for config in ROPE:
        stored = json.loads(json.dumps(config))
        config_class, embedding_class = EMBEDDINGS.get(config.get("model_type"), (LlamaConfig, LlamaRotaryEmbedding))
        embedding = embedding_class(config_class(**{key: value for key, value in config.items() if key != "model_type"}))
        cos, sin = embedding(torch.zeros(1), torch.arange(1000)[None])
        pairs = embedding.inv_freq.shape[0]
        yield {
            "config": stored,
            "attentionFactor": embedding.attention_scaling,
            "frequencies": embedding.inv_freq.tolist(),
            "cos": cos[0, POSITIONS, :pairs].tolist(),
            "sin": sin[0, POSITIONS, :pairs].tolist(),
        }


def write(name, rows):
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    (FOLDER / name).write_text(f"[\n{lines}\n]\n")


write("t5-buckets.json", buckets())
write("rope.json", rope())
