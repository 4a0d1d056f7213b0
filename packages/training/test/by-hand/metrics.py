"""Writes test/fixtures/metrics.json: values of scikit-learn, scipy, seqeval and sacrebleu. Run by hand: python metrics.py"""

import json
import random
from pathlib import Path

import sacrebleu
import scipy.stats
from seqeval.metrics import f1_score, precision_score, recall_score
from sklearn.metrics import matthews_corrcoef, precision_recall_fscore_support

random.seed(1)
WORDS = "the cat, sat on a mat; 3.5 dogs (and 2-3 cats) didn't see: \"it\" &amp; left. Füße naïve 猫 U.S. e-mail 1,000 !".split()


def noisy(words):
    return [random.choice(WORDS) if random.random() < 0.3 else word for word in words if random.random() > 0.1]


classes = []
for size, kinds in [(40, 2), (60, 5), (12, 4)]:
    actual = [random.randrange(kinds) for _ in range(size)]
    predicted = [label if random.random() < 0.6 else random.randrange(kinds) for label in actual]
    means = {kind: precision_recall_fscore_support(actual, predicted, average=kind, zero_division=0)[:3] for kind in ("macro", "micro", "weighted")}
    classes.append({"kinds": kinds, "actual": actual, "predicted": predicted, "matthews": matthews_corrcoef(actual, predicted), **means})

numbers = []
for size in (5, 30):
    a = [random.randrange(8) / 2 for _ in range(size)]
    b = [x + random.random() for x in a]
    numbers.append({"a": a, "b": b, "pearson": scipy.stats.pearsonr(a, b)[0], "spearman": scipy.stats.spearmanr(a, b)[0]})

TAGS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "I-LOC"]
actual = [[random.choice(TAGS) for _ in range(random.randrange(1, 12))] for _ in range(30)]
predicted = [[tag if random.random() < 0.8 else random.choice(TAGS) for tag in tags] for tags in actual]
entities = {
    "actual": actual,
    "predicted": predicted,
    "scores": [score(actual, predicted) for score in (precision_score, recall_score, f1_score)],
}

translations = []
for size, references in [(8, 1), (8, 2), (1, 1), (2, 1)]:
    texts = [[random.choice(WORDS) for _ in range(random.randrange(4, 15))] for _ in range(size)]
    predicted = [" ".join(noisy(text)) for text in texts]
    actual = [[" ".join(noisy(text)) for text in texts] for _ in range(references)]
    translations.append(
        {
            "predicted": predicted,
            "actual": [list(group) for group in zip(*actual)],
            "bleu": sacrebleu.corpus_bleu(predicted, actual).score,
            "chrf": sacrebleu.corpus_chrf(predicted, actual).score,
        }
    )

fixture = {"classes": classes, "numbers": numbers, "entities": entities, "translations": translations}
path = Path(__file__).parent.parent / "fixtures" / "metrics.json"
path.write_text(json.dumps(fixture, ensure_ascii=False) + "\n")
