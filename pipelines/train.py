"""Trains a model on a folder of words.

Writes float.keras, labels.txt, frontend.json and history.json to --run_dir. Given again after an
interruption, the same command goes on after the last finished epoch.
"""

from absl import flags

from pipelines import app, common

FLAGS = flags.FLAGS


def define_flags() -> None:
    common.define_run_dir()
    common.define_data()
    common.define_training()


def main() -> None:
    values = common.data_flags()
    frontend = common.frontend_config()  # said before data and TensorFlow load
    common.check_model()
    if FLAGS.download:
        from edge_tf.data import download

        download.download_speech_commands(FLAGS.download, FLAGS.data_dir)
    dataset = common.load_dataset(values)

    from edge_tf.run_dir import RunDirectory
    from edge_tf.training import stage
    from edge_tf.training.step import Recipe

    last = stage.train(
        RunDirectory(FLAGS.run_dir),
        dataset,
        values,
        common.model_config(),
        frontend,
        Recipe(FLAGS.epochs, FLAGS.batch_size, FLAGS.peak_rate, seed=FLAGS.seed),
        common.cache_folder(),
    )
    print(
        f"trained {last['epoch']} epochs: validation accuracy {last['val_accuracy']:.2%}, "
        f"{last['samples_per_second']:.0f} samples/s -> {FLAGS.run_dir}/float.keras"
    )


if __name__ == "__main__":
    define_flags()
    app.run(main)
