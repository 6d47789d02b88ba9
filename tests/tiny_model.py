"""What tests that need a model share: sentences in eight scripts, and the shape of a two-layer model."""

from pathlib import Path

from panlect.stages.pretrain import ModelShape

SENTENCES = (
    "Lake Victoria is the largest lake in Africa.",
    "Ziwa Viktoria ni ziwa kubwa zaidi barani Afrika.",
    "ทะเลสาบวิกตอเรียเป็นทะเลสาบที่ใหญ่ที่สุดในแอฟริกา",
    "បឹងវិចតូរីយ៉ា គឺជាបឹងធំជាងគេនៅទ្វីបអាហ្វ្រិក",
    "جھیل وکٹوریہ افریقہ کی سب سے بڑی جھیل ہے۔",
    "ߝߙߌߞߌ߬ߘߎ߱ ߟߊ߫ ߘߟߊ߫ ߓߟߋ߬ߓߟߋ߬ߓߊ",
    "ᎠᎺᏱ ᎦᏅᎦᎸᎢ ᎤᏔᎾ",
    "Cafe\u0301 👩🏽‍🌾 🇰🇪 ½ naïve",
)
SHAPE = ModelShape(
    hidden_size=32, intermediate_size=48, layers=2, heads=4, key_value_heads=2, position_limit=256
)


def saved_model(root: Path) -> Path:
    """A random model with a tokenizer of 400 pieces, saved below a directory; one thread from here on."""
    import torch

    from panlect.model import load, tokenizer_training

    torch.set_num_threads(1)
    tokenizer_training.save(tokenizer_training.train(SENTENCES * 4, 400), root / "tokenizer")
    load.save(load.build(load.load_tokenizer(root / "tokenizer"), SHAPE, seed=1), root / "model", facts={})
    return root / "model"
