"""Converts a trained run to fully-int8 TFLite by post-training quantization.

Writes model_int8.tflite, golden.npz and, if the run is for streams, model_streaming.tflite to
--run_dir. Activation ranges are calibrated on clips of the training split.

    python -m pipelines.convert --run_dir=RUN
"""

from absl import flags

from pipelines import app, common, help_text

FLAGS = flags.FLAGS


def define_flags() -> None:
    common.define_run_dir()
    common.define_data_again()
    common.define_streaming_again()
    define_own_flags()


@help_text.group(help_text.Group.CONVERSION)
def define_own_flags() -> None:
    flags.DEFINE_integer(
        "representative_clips", 300, "Training clips used to calibrate the activation ranges."
    )
    common.define_graph()


@common.locked_run
def main() -> None:
    from edge_tf import run_dir

    run = common.run_directory()
    common.check_streaming(run)
    run.require(run_dir.FLOAT_MODEL)  # before the seconds that TensorFlow takes to load
    data = common.run_data(run)

    import tflite_model
    from edge_tf.conversion.finished import finished
    from tflite_model import sparsity

    representative, form = FLAGS.representative_clips, FLAGS.graph or run.graph()
    done = ""
    if finished(run, len(data.clips("training").labels), representative, form):
        done = "already finished, nothing to do: "
        info = tflite_model.read(run / run_dir.INT8_MODEL)
    else:
        from edge_tf.conversion import stage

        info = stage.convert(run, data, representative, form)
    print(
        f"{done}converted: {info.byte_size:,} bytes, {len(info.ops)} ops, "
        f"{info.constant_bytes():,} bytes of weights -> {run / 'model_int8.tflite'}"
    )
    size = sparsity.parameter_size(info)
    target = run.target_nonzero_kb()
    limit = f", the limit is {target:g} KiB" if target else ""
    print(
        f"non-zero parameters: {size.nonzero:,} of {size.elements:,}, "
        f"{size.nonzero_kb:.1f} KiB{limit}"
    )


if __name__ == "__main__":
    define_flags()
    app.run(main)
