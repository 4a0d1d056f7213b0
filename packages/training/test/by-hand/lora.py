"""LoRA against the real peft, in three steps. Run by hand, here, with peft 0.21.2:

  python lora.py write           writes test/fixtures/lora/<case>: base model, adapter, merged weights and logits of peft
  pnpm exec node lora.ts /tmp/l  opens those, trains the adapter on, saves it and the merged weights to /tmp/l/<case>
  python lora.py check /tmp/l    opens what Formers wrote in peft; merged weights must be equal to 1e-6
"""

import sys
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    T5Config,
    T5ForConditionalGeneration,
)

FIXTURES = Path(__file__).parent.parent / "fixtures" / "lora"
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
    "t5": (
        T5ForConditionalGeneration(T5Config(vocab_size=13, d_model=8, d_kv=4, d_ff=12, num_layers=1, num_heads=2)),
        LoraConfig(task_type="SEQ_2_SEQ_LM", r=4, lora_alpha=4, target_modules=["q", "v", "wo"]),
    ),
}
IDS = torch.tensor([[1, 5, 2, 7], [3, 3, 9, 12]])


def logits(model, case):
    with torch.no_grad():
        return model(IDS, **({"decoder_input_ids": IDS} if case == "t5" else {})).logits


def write():
    for case, (model, config) in CASES.items():
        folder = FIXTURES / case
        model.eval().save_pretrained(folder / "base")
        wrapped = get_peft_model(model, config)
        for name, parameter in wrapped.named_parameters():
            if parameter.requires_grad:  # lora_B starts at zero
                torch.nn.init.normal_(parameter, std=0.3)
        wrapped.eval().save_pretrained(folder / "adapter")
        outputs = {"logits": logits(wrapped, case)}
        merged = wrapped.merge_and_unload()
        merged.save_pretrained(folder / "merged")
        save_file(outputs, folder / "logits.safetensors")
        for surplus in [*folder.glob("*/README.md"), *folder.glob("*/generation_config.json"), folder / "merged" / "config.json"]:
            surplus.unlink(missing_ok=True)


def check(written):
    for case, (model, _) in CASES.items():
        base = type(model).from_pretrained(FIXTURES / case / "base").eval()
        found = PeftModel.from_pretrained(base, Path(written) / case / "adapter").eval()
        ours = load_file(Path(written) / case / "logits.safetensors")["logits"]
        print(case, "logits differ by", (logits(found, case) - ours).abs().max().item())
        merged = found.merge_and_unload().state_dict()
        expected = load_file(Path(written) / case / "merged" / "model.safetensors")
        worst = max((merged[name] - value).abs().max().item() for name, value in expected.items())
        print(case, "merged weights differ by", worst, "over", len(expected), "tensors")
        assert worst < 1e-6


torch.manual_seed(0)
write() if sys.argv[1] == "write" else check(sys.argv[2])
