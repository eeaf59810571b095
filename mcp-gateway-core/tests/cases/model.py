"""Writes a model of meaning that is as small as one can be, of the form of all-MiniLM-L6-v2, into a folder.

    model.py FOLDER

It knows four words, of which two and two mean the same, and nothing of any other. Its layers add nothing: what a text means
is what its words mean.
"""

import json
import math
import struct
import sys
from pathlib import Path

WIDTH, INNER, LAYERS, PLACES = 8, 16, 2, 64
WEATHER, MUSIC = [1, -1, 0, 0, 0, 0, 0, 0], [0, 0, 1, -1, 0, 0, 0, 0]
WORDS = {"weather": WEATHER, "umbrella": WEATHER, "music": MUSIC, "trumpet": MUSIC}
MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def zeros(*shape):
    """Returns a tensor that lets nothing through."""
    return list(shape), [0.0] * math.prod(shape)


def linear(name, inward, outward):
    """Returns the tensors of a linear map."""
    return {f"{name}.weight": zeros(outward, inward), f"{name}.bias": zeros(outward)}


def norm(name):
    """Returns the tensors of a normalization that changes nothing more."""
    return {f"{name}.weight": ([WIDTH], [1.0] * WIDTH), f"{name}.bias": zeros(WIDTH)}


def tensors():
    """Returns shape and figures of each tensor, by name."""
    rows = [[0] * WIDTH for _ in MARKS] + list(WORDS.values())
    made = {
        "embeddings.word_embeddings.weight": ([len(rows), WIDTH], [figure for row in rows for figure in row]),
        "embeddings.position_embeddings.weight": zeros(PLACES, WIDTH),
        "embeddings.token_type_embeddings.weight": zeros(2, WIDTH),
        **norm("embeddings.LayerNorm"),
    }
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            made |= linear(f"{layer}.attention.{part}", WIDTH, WIDTH)
        made |= norm(f"{layer}.attention.output.LayerNorm")
        made |= linear(f"{layer}.intermediate.dense", WIDTH, INNER)
        made |= linear(f"{layer}.output.dense", INNER, WIDTH)
        made |= norm(f"{layer}.output.LayerNorm")
    return made


def main(folder):
    """Writes the three files."""
    head, data = {}, b""
    for name, (shape, figures) in tensors().items():
        begin = len(data)
        data += struct.pack(f"<{len(figures)}f", *figures)
        head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(head).encode()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    (folder / "vocab.txt").write_text("\n".join([*MARKS, *WORDS]) + "\n")
    (folder / "config.json").write_text(json.dumps({"num_attention_heads": 2, "hidden_act": "gelu"}))


main(Path(sys.argv[1]))
