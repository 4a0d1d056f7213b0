"""LoRA against the real peft, in three steps. Run by hand, here, with peft 0.21.2:

  python lora.py write <case>    writes test/fixtures/lora/<case>: base model, adapter, merged weights and logits of peft
  pnpm exec node lora.ts /tmp/l  opens those, trains the adapter on, saves it and the merged weights to /tmp/l/<case>
  python lora.py check /tmp/l    opens what Formers wrote in peft; merged weights must be equal to 1e-6
"""

import json
import math
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora.layer import MultiheadAttention
from peft.tuners.tuners_utils import check_adapters_to_merge
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    T5Config,
    T5ForConditionalGeneration,
    ViTConfig,
    ViTForImageClassification,
)

FIXTURES = Path(__file__).parent.parent / "fixtures" / "lora"
torch.backends.mha.set_fastpath_enabled(False)  # it reads torch's attention past peft's adapters
torch.manual_seed(0)


class TorchTransformer(torch.nn.Module):
    """torch.nn.Transformer between a table of tokens, the positions of the paper and the same table."""

    config = dict(architecture="torch.nn.Transformer", vocab=13, d_model=8, heads=2, encoder_layers=1, decoder_layers=1, ffn=12, share_embeddings=True, dropout=0.0)

    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(13, 8)
        torch.nn.init.normal_(self.embed.weight, std=8**-0.5)
        self.transformer = torch.nn.Transformer(8, 2, 1, 1, 12, 0.0, batch_first=True)

    def embedded(self, ids):
        rates = torch.exp(torch.arange(0, 8, 2) * (-math.log(10000) / 8))
        angles = torch.arange(ids.shape[1])[:, None] * rates
        return self.embed(ids) * math.sqrt(8) + torch.stack((angles.sin(), angles.cos()), -1).flatten(1)

    def forward(self, ids):
        future = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).triu(1)
        return self.transformer(self.embedded(ids), self.embedded(ids), tgt_mask=future) @ self.embed.weight.T

    def save_pretrained(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(self.config, indent=2))
        save_file({name: value.detach().contiguous() for name, value in self.state_dict().items()}, folder / "model.safetensors")

    @classmethod
    def from_pretrained(cls, folder):
        model = cls()
        model.load_state_dict(load_file(folder / "model.safetensors"))
        return model


def add_once():
    """peft 0.21.2 adds the change of out_proj to torch's attention twice, https://github.com/huggingface/peft/pull/3774; this is what is meant."""

    def merge(self, safe_merge=False, adapter_names=None):
        for name in check_adapters_to_merge(self, adapter_names):
            if name in self.lora_A:
                self.change_in_proj(self.get_delta_weight(name))
                self.get_base_layer().out_proj.merge(adapter_names=[name])
                self.merged_adapters.append(name)

    def unmerge(self):
        while self.merged_adapters:
            self.change_in_proj(-self.get_delta_weight(self.merged_adapters.pop()))
        self.get_base_layer().out_proj.unmerge()

    def change_in_proj(self, change):
        base = self.get_base_layer()
        weight = base.in_proj_weight.data + change.detach()
        del base.in_proj_weight
        base.register_parameter("in_proj_weight", torch.nn.Parameter(weight, requires_grad=False))

    for function in (merge, unmerge, change_in_proj):
        setattr(MultiheadAttention, function.__name__, function)


SMALL_BERT = dict(vocab_size=13, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=12, max_position_embeddings=8)
CASES = {
    "gpt2": (
        GPT2LMHeadModel(GPT2Config(vocab_size=13, n_positions=8, n_embd=8, n_layer=1, n_head=2)),
        LoraConfig(task_type="CAUSAL_LM", r=3, lora_alpha=5, target_modules=["c_attn", "mlp.c_proj"], fan_in_fan_out=True),
    ),
    "bert-head": (
        BertForSequenceClassification(BertConfig(**SMALL_BERT, num_labels=3)),
        LoraConfig(task_type="SEQ_CLS", r=2, lora_alpha=4, use_rslora=True, target_modules=["query", "output.dense"]),
    ),
    "bert-patterns": (
        BertForSequenceClassification(BertConfig(**SMALL_BERT, num_labels=3)),
        LoraConfig(task_type="SEQ_CLS", r=2, lora_alpha=4, bias="all", target_modules=["query", "value", "output.dense"],
                   rank_pattern={"query": 1, "self.(query|value)": 3}, alpha_pattern={r"0\.output\.dense": 7}),
    ),
    "vit": (
        ViTForImageClassification(ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=12, image_size=2, patch_size=1, num_channels=1, num_labels=3)),
        LoraConfig(r=2, lora_alpha=4, bias="lora_only", target_modules=["q_proj", "fc2"], rank_pattern={"fc2": 1}),
    ),
    "t5": (
        T5ForConditionalGeneration(T5Config(vocab_size=13, d_model=8, d_kv=4, d_ff=12, num_layers=1, num_heads=2)),
        LoraConfig(task_type="SEQ_2_SEQ_LM", r=4, lora_alpha=4, target_modules=["q", "v", "wo"]),
    ),
    "torch": (TorchTransformer(), LoraConfig(r=2, lora_alpha=4, target_modules=["self_attn", "linear2"])),
    "torch-output": (TorchTransformer(), LoraConfig(r=2, lora_alpha=4, target_modules=["self_attn"])),
}
IDS = torch.tensor([[1, 5, 2, 7], [3, 3, 9, 12]])


def logits(model, case):
    with torch.no_grad():
        if case.startswith("torch"):
            return model(IDS)
        if case == "vit":
            return model(IDS.reshape(2, 1, 2, 2) / 13).logits
        return model(IDS, **({"decoder_input_ids": IDS} if case == "t5" else {})).logits


def write(case):
    if case == "torch-output":
        add_once()
    model, config = CASES[case]
    folder = FIXTURES / case
    model.eval().save_pretrained(folder / "base")
    wrapped = get_peft_model(model, config)
    for name, parameter in wrapped.named_parameters():
        if parameter.requires_grad:  # lora_B starts at zero
            torch.nn.init.normal_(parameter, std=0 if case == "torch" and "out_proj" in name else 0.3)
    wrapped.eval().save_pretrained(folder / "adapter")
    outputs = {"logits": logits(wrapped, case)}
    merged = wrapped.merge_and_unload()
    merged.save_pretrained(folder / "merged")
    save_file(outputs, folder / "logits.safetensors")
    for surplus in [*folder.glob("*/README.md"), *folder.glob("*/generation_config.json"), folder / "merged" / "config.json"]:
        surplus.unlink(missing_ok=True)


def check(written):
    for case, (model, _) in CASES.items():
        if case == "torch-output":
            add_once()
        base = type(model).from_pretrained(FIXTURES / case / "base").eval()
        found = PeftModel.from_pretrained(base, Path(written) / case / "adapter").eval()
        ours = load_file(Path(written) / case / "logits.safetensors")["logits"]
        print(case, "logits differ by", (logits(found, case) - ours).abs().max().item())
        with TemporaryDirectory() as folder:  # as files name the weights
            found.merge_and_unload().save_pretrained(Path(folder) / case)
            merged = load_file(Path(folder) / case / "model.safetensors")
        expected = load_file(Path(written) / case / "merged" / "model.safetensors")
        worst = max((merged[name] - value).abs().max().item() for name, value in expected.items())
        print(case, "merged weights differ by", worst, "over", len(expected), "tensors")
        assert worst < 1e-6


write(sys.argv[2]) if sys.argv[1] == "write" else check(sys.argv[2])
