"""Writes the tiny models of test/fixtures, and what the pipelines of the installed transformers say of them.

    python3 make-goldens.py models      # the models; needs ../shared/fixtures/tokenizers
    python3 make-goldens.py expected    # test/fixtures/expected-<major version>.json

Run `expected` with transformers 5, and with transformers 4 (4.57), which still has question answering, translation and summarization. Offsets are UTF-16.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from transformers import PreTrainedTokenizerFast, pipeline

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"
TOKENIZERS = HERE.parents[4] / "shared" / "fixtures" / "tokenizers"
LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)


def labels(names):
    return {"id2label": dict(enumerate(names)), "label2id": {name: i for i, name in enumerate(names)}}


def spread(model, scale=0.5):
    """Weights large enough that inputs matter, rounded to half precision."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1:
                weight.normal_(0, scale)
            elif "norm" not in name.lower() and "ln_" not in name:
                weight.normal_(0, 0.1)
            weight.copy_(weight.half().float())
    return model.eval()


def save(folder, models, tokenizer=None, **extra):
    """One folder for several heads: each loads what it knows."""
    path = FIXTURES / folder
    path.mkdir(parents=True, exist_ok=True)
    state = {}
    for model in models:
        for name, weight in model.state_dict().items():
            if name not in state:
                state[name] = weight.half().contiguous().clone()
    for tied in ("lm_head.weight", "cls.predictions.decoder.weight", "cls.predictions.decoder.bias", "lm_head.decoder.weight",
                 "lm_head.decoder.bias", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight",
                 "model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight",
                 *(["model.encoder.embed_positions.weight", "model.decoder.embed_positions.weight"] if folder == "marian" else [])):
        if tied in state and models[0].config.tie_word_embeddings is not False:
            del state[tied]
    save_file(state, path / "model.safetensors", metadata={"format": "pt"})
    config = models[0].config.to_diff_dict()
    config["architectures"] = [type(models[0]).__name__]
    config["dtype"] = "float16"
    config.pop("transformers_version", None)
    config.update(extra)
    (path / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    if tokenizer:
        name, roles = tokenizer
        (path / "tokenizer.json").write_text((TOKENIZERS / name / "tokenizer.json").read_text())
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False, **roles}
        (path / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n")


def make_models():
    torch.manual_seed(20261)
    small = {"num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 8, "intermediate_size": 12}
    t = transformers
    config = t.BertConfig(vocab_size=900, max_position_embeddings=40, **small, **labels(LABELS))
    bert = spread(t.BertForMaskedLM(config))
    heads = [spread(t.BertForQuestionAnswering(t.BertConfig(**{**config.to_dict(), **labels(["a", "b"])}))),
             spread(t.BertForSequenceClassification(config))]
    save("bert", [bert, *heads], ("wordpiece-uncased", {
        "pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]",
        "model_max_length": 40, "model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}))

    config = t.RobertaConfig(vocab_size=640, max_position_embeddings=42, type_vocab_size=1, pad_token_id=1, bos_token_id=0,
                             eos_token_id=2, **small, **labels(LABELS))
    roberta = spread(t.RobertaForMaskedLM(config))
    heads = [spread(t.RobertaForQuestionAnswering(t.RobertaConfig(**{**config.to_dict(), **labels(["a", "b"])}))),
             spread(t.RobertaForTokenClassification(config))]
    save("roberta", [roberta, *heads], ("roberta-bpe", {
        "pad_token": "<pad>", "unk_token": "<unk>", "cls_token": "<s>", "bos_token": "<s>", "eos_token": "</s>",
        "sep_token": "</s>", "mask_token": "<mask>", "model_max_length": 40, "add_prefix_space": True,
        "model_input_names": ["input_ids", "attention_mask"]}))

    config = t.GPT2Config(vocab_size=700, n_positions=96, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0)
    save("gpt2", [spread(t.GPT2LMHeadModel(config))], ("gpt2-bpe", {
        "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "chat_template": CHAT_TEMPLATE,
        "model_input_names": ["input_ids", "attention_mask"]}))

    config = t.T5Config(vocab_size=800, d_model=8, d_kv=4, d_ff=12, num_layers=1, num_heads=2, relative_attention_num_buckets=4,
                        decoder_start_token_id=0, eos_token_id=1, pad_token_id=0)
    params = {
        "summarization": {"prefix": "summarize: ", "num_beams": 2, "no_repeat_ngram_size": 2, "length_penalty": 2.0,
                          "early_stopping": True},
        "translation_en_to_de": {"prefix": "translate English to German: ", "num_beams": 3},
    }
    save("t5", [spread(t.T5ForConditionalGeneration(config), 0.8)], ("unigram-t5", {
        "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "model_max_length": 64,
        "model_input_names": ["input_ids", "attention_mask"]}), task_specific_params=params)

    config = t.MarianConfig(vocab_size=800, d_model=8, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
                            decoder_attention_heads=2, encoder_ffn_dim=12, decoder_ffn_dim=12, max_position_embeddings=64,
                            decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, forced_eos_token_id=1,
                            scale_embedding=True)
    save("marian", [spread(t.MarianMTModel(config))])  # with T5's tokenizer

    config = t.BartConfig(vocab_size=640, d_model=8, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
                          decoder_attention_heads=2, encoder_ffn_dim=12, decoder_ffn_dim=12, max_position_embeddings=64,
                          pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=2)
    bart = spread(t.BartForConditionalGeneration(config))
    heads = [spread(t.BartForSequenceClassification(config)), spread(t.BartForQuestionAnswering(config))]
    save("bart", [bart, *heads])  # with RoBERTa's tokenizer

    config = t.ViTConfig(image_size=12, patch_size=4, **small, **labels(["ant", "bee", "cat", "dog", "eel", "fox"]))
    spread(t.ViTForImageClassification(config)).half().save_pretrained(FIXTURES / "vit")  # the names inside differ from the file's
    processor = {"image_processor_type": "ViTImageProcessor", "do_resize": True, "size": {"height": 12, "width": 12},
                 "resample": 2, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
                 "image_mean": [0.5, 0.4, 0.3], "image_std": [0.5, 0.6, 0.7]}
    (FIXTURES / "vit" / "preprocessor_config.json").write_text(json.dumps(processor, indent=1) + "\n")


def utf16(text, place):
    return len(text[:place].encode("utf-16-le")) // 2


def with_utf16(text, found):
    if isinstance(found, list):
        return [with_utf16(text, one) for one in found]
    return {**found, "start": utf16(text, int(found["start"])), "end": utf16(text, int(found["end"]))}


def plain(value):
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value


def load(cls, folder, **changes):
    path = FIXTURES / folder
    config = transformers.AutoConfig.from_pretrained(path, **changes)
    model = getattr(transformers, cls).from_pretrained(path, config=config, dtype=torch.float32).eval()
    path = FIXTURES / {"bart": "roberta", "marian": "t5"}.get(folder, folder)
    settings = json.loads((path / "tokenizer_config.json").read_text())
    settings.pop("tokenizer_class", None)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(path / "tokenizer.json"), **settings)
    return {"model": model, "tokenizer": tokenizer}


LINES = [
    "First Citizen: you are all resolved rather to die than to famish?",
    "The optimizer translates its own output.",
    "Caius Marcius is chief enemy to the people of Zürich 🐋, is he not? naïve words, 𝒳 and ∞.",
]
LONG = " ".join(LINES * 3)
CHAT = [{"role": "system", "content": "Speak."}, {"role": "user", "content": "We know the people. "}]
PREFILL = [*CHAT, {"role": "assistant", "content": "The model "}]


def masked(tokenizer, text):
    return text.replace("MASK", tokenizer.mask_token)


def expected_5():
    found = {}

    def record(name, value, **inputs):
        found[name] = {**inputs, "expected": plain(value)}

    for family, cls in (("bert", "BertForMaskedLM"), ("roberta", "RobertaForMaskedLM"), ("bart", "BartForConditionalGeneration")):
        parts = load(cls, family)
        fill = pipeline("fill-mask", **parts)
        text = masked(parts["tokenizer"], "The people MASK to die.")
        record(f"fill-mask/{family}", fill(text, top_k=4), text=text)
        record(f"fill-mask/{family}/targets", fill(text, targets=["the", "know", "people"]), text=text,
               targets=["the", "know", "people"])
        text = masked(parts["tokenizer"], "The MASK is MASK.")
        record(f"fill-mask/{family}/each", fill(text, top_k=2), text=text)
        text = masked(parts["tokenizer"], "The MASK " + LONG)
        record(f"fill-mask/{family}/long", fill(text, top_k=2, tokenizer_kwargs={"truncation": True}), text=text)

    for name, changes in {"single": {}, "multi": {"problem_type": "multi_label_classification"},
                          "regression": {"problem_type": "regression"}}.items():
        classify = pipeline("text-classification", **load("BertForSequenceClassification", "bert", **changes))
        texts = [*LINES, LONG]
        record(f"text-classification/{name}", [classify(text, top_k=None, truncation=True) for text in texts], texts=texts)
        record(f"text-classification/{name}/one", classify(texts, truncation=True), texts=texts)
    pair = {"text": LINES[0], "text_pair": LINES[1]}
    classify = pipeline("text-classification", **load("BertForSequenceClassification", "bert"))
    record("text-classification/pair", classify(pair, top_k=None), pair=pair)

    nli = labels(["contradiction", "neutral", "x", "y", "entailment"])
    zero = pipeline("zero-shot-classification", **load("BertForSequenceClassification", "bert", **nli))
    nli = labels(["contradiction", "neutral", "entailment"])
    bart = pipeline("zero-shot-classification", **load("BartForSequenceClassification", "bart", **nli))
    for family, classify in (("bert", zero), ("bart", bart)):
        for multi in (False, True):
            value = classify(LINES[0], ["people", "the model", "war"], multi_label=multi)
            record(f"zero-shot-classification/{family}/{multi}", value, text=LINES[0])

    for family in ("bert", "roberta"):
        parts = load("BertForTokenClassification" if family == "bert" else "RobertaForTokenClassification", family)
        tag = pipeline("token-classification", **parts)
        for strategy in ("none", "simple", "first", "average", "max"):
            kept = ["O"] if strategy != "max" else []
            value = [with_utf16(text, tag(text, aggregation_strategy=strategy, ignore_labels=kept)) for text in LINES]
            record(f"token-classification/{family}/{strategy}", value, texts=LINES, ignore=kept)
        value = with_utf16(LONG, tag(LONG, aggregation_strategy="simple", stride=6))
        record(f"token-classification/{family}/stride", value, text=LONG)

    parts = load("BertModel", "bert")
    extract = pipeline("feature-extraction", **parts)
    values = [np.array(extract(text, truncation=True)[0]) for text in [LINES[1], LONG]]
    record("feature-extraction/bert", [value.round(6).tolist() for value in values], texts=[LINES[1], LONG])
    means = [value.mean(0) for value in values]
    record("feature-extraction/mean", [(mean / np.linalg.norm(mean)).round(6).tolist() for mean in means])

    from PIL import Image

    processor = (getattr(transformers, "ViTImageProcessorPil", None) or transformers.ViTImageProcessor).from_pretrained(FIXTURES / "vit")
    model = transformers.ViTForImageClassification.from_pretrained(FIXTURES / "vit", dtype=torch.float32)
    classify = pipeline("image-classification", model=model, image_processor=processor)
    level = np.arange(20 * 17 * 3)
    image = Image.fromarray(((level * 7 + (level >> 3) * 13) % 256).astype(np.uint8).reshape(17, 20, 3))
    record("image-classification", classify(image, top_k=4))

    parts = load("GPT2LMHeadModel", "gpt2")
    write = pipeline("text-generation", **parts)
    greedy = {"max_new_tokens": 10, "do_sample": False}
    record("text-generation", write(LINES, **greedy), texts=LINES)
    record("text-generation/new", write(LINES[1], return_full_text=False, **greedy), text=LINES[1])
    record("text-generation/beams", write(LINES[1], num_beams=3, num_return_sequences=2, **greedy), text=LINES[1])
    record("text-generation/chat", write(CHAT, **greedy), chat=CHAT)
    record("text-generation/prefill", write(PREFILL, **greedy), chat=PREFILL)
    return found


def expected_4():
    found = {}
    context = LONG + " Speak, speak! The translator compares the position of words at a lower learning rate."
    for family in ("bert", "roberta", "bart"):
        parts = load(f"{family.capitalize()}ForQuestionAnswering", family, num_labels=2)
        ask = pipeline("question-answering", **parts)
        for name, options in {"one": {}, "five": {"top_k": 5}, "impossible": {"top_k": 4, "handle_impossible_answer": True},
                              "tokens": {"top_k": 3, "align_to_words": False, "max_answer_len": 3},
                              "short": {"top_k": 2, "max_seq_len": 30, "doc_stride": 7}}.items():
            for size, text in {"long": context, "short": LINES[2]}.items():
                value = ask(question="Who is chief enemy?", context=text, **options)
                found[f"question-answering/{family}/{name}/{size}"] = {
                    "question": "Who is chief enemy?", "context": text, "options": options,
                    "expected": plain(with_utf16(text, value))}
    plainly = {"max_new_tokens": 9}
    for family, cls in (("t5", "T5ForConditionalGeneration"), ("marian", "MarianMTModel"), ("bart", "BartForConditionalGeneration")):
        parts = load(cls, family)
        for task in ("text2text-generation", "translation_en_to_de", "summarization"):
            write = pipeline(task, **parts)
            name = f"{task}/{family}"
            found[name] = {"texts": LINES, "expected": write(LINES, truncation=True, **plainly)}
            found[f"{name}/greedy"] = {"text": LINES[0], "expected": write(LINES[0], num_beams=1, **plainly)}
            found[f"{name}/several"] = {
                "text": LINES[0], "expected": write(LINES[0], num_beams=3, num_return_sequences=2, **plainly)}
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1] == "models":
        make_models()
    else:
        major = transformers.__version__.split(".")[0]
        expected = expected_5() if major == "5" else expected_4()
        lines = [f"  {json.dumps(name)}: {json.dumps(rounded(case), ensure_ascii=False)}" for name, case in expected.items()]
        head = f'{{\n "transformers": "{transformers.__version__}",\n "cases": {{\n'
        (FIXTURES / f"expected-{major}.json").write_text(head + ",\n".join(lines) + "\n }\n}\n")
        print(len(expected), "cases")
