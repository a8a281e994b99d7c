"""What a user should know of the classes of a folder of words before training on them."""

from collections.abc import Collection, Mapping, Sequence

from edge_tf.data.dataset import (
    NOISE_FOLDER,
    SILENCE,
    SPLITS,
    UNKNOWN,
    Dataset,
    Split,
    like_background,
)
from edge_tf.data.words.reading import some

FEW_TAKES = 100


def of(
    dataset: Dataset,
    task: str,
    words: Sequence[str],
    by_split: Mapping[Split, Mapping[str, Sequence[str]]],
    background_labels: Collection[str],
) -> list[str]:
    """What a user should know of the classes."""
    notes = []
    counts = {split: dataset.counts(split) for split in SPLITS}
    few = [word for word in sorted(words) if counts["training"][word] < FEW_TAKES]
    if few and task == "words":
        least = min(few, key=lambda word: counts["training"][word])
        numbers = ", ".join(f"{counts[split][least]} for {split}" for split in SPLITS)
        notes.append(
            f"{dataset.root}: {len(few)} of {len(words)} words have fewer than {FEW_TAKES} clips "
            f"to train on ({least}: {numbers}): expect missed words and false accepts; what helps "
            "is takes of more speakers, clips of pipelines.synthesize, and other words"
        )
    if UNKNOWN in dataset.labels:
        used = {split: counts[split][UNKNOWN] for split in SPLITS}
        there = {split: len(by_split[split][UNKNOWN]) for split in SPLITS}
        if used != there:
            numbers = ", ".join(f"{used[s]} of {there[s]} for {s}" for s in SPLITS)
            notes.append(
                f"{dataset.root}: clips of other words are left out: used are {numbers} "
                "(--unknown_share)"
            )
    elif task == "words":
        notes.append(
            f"{dataset.root} has no clips of other words: whatever is said will be taken for one "
            f"of {some(sorted(words))}; add folders of other words and name --words, or put "
            f"clips of them into {dataset.root / UNKNOWN}"
        )
    like = like_background(sorted(words), background_labels)
    if like:
        notes.append(
            f"{dataset.root}: {some(like)} would be reported like a word; give "
            f"--background_labels={','.join(like)} so that detectors do not, or rename the folder: "
            f"{NOISE_FOLDER} (long recordings), {UNKNOWN} or {SILENCE} (clips)"
        )
    return notes
