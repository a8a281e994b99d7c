"""Fetches hours of sound without the word, from packages of Debian and Ubuntu.

Dialogue, words in many languages, effects and music; licences are in packages.json and beside the
files. Nothing is installed. A run that was stopped goes on. --task=wake does this by itself, into
the cache; the last line names the flags for what is in --out.

    python -m pipelines.ambient --out=AMBIENT
"""

from pathlib import Path

from absl import flags

from pipelines import app, help_text

FLAGS = flags.FLAGS


def define_flags() -> None:
    from edge_tf.data.streams.package_list import PACKAGES

    flags.DEFINE_string("out", None, "<DIR>: Folder to write.")
    help_text.require("out")
    about = "; ".join(f"{one.name} ({one.about})" for one in PACKAGES)
    with help_text.group(help_text.Group.DATA):
        flags.DEFINE_list("packages", [], f"<NAME,...>: Which. Default: all: {about}.")


def main() -> None:
    from edge_tf.data.streams import packages
    from edge_tf.data.streams.package_list import PACKAGES
    from edge_tf.errors import UserError

    known = {one.name: one for one in PACKAGES}
    for name in FLAGS.packages:
        if name not in known:
            raise UserError(f"--packages: '{name}' is unknown", f"choose from {', '.join(known)}")
    out = Path(FLAGS.out)
    chosen = [known[name] for name in FLAGS.packages] or list(known.values())
    fetched = packages.make(out, chosen)
    for one in fetched:
        print(
            f"{one.package} {one.version} ({one.licence}): {one.sounds} sounds, {one.hours:.2f} h, "
            f"{one.left_out} left out"
        )
    kinds = dict.fromkeys(one.kind for one in fetched)
    print(f"--ambient={out}, or --negatives={','.join(str(out / kind) for kind in kinds)}")


if __name__ == "__main__":
    define_flags()
    app.run(main)
