"""The stage "evaluate": the task metric at every hop, report.json and report.html out."""

import time

import numpy as np

from edge_tf import files, run_dir
from edge_tf.data.run_data import RunData, spread_over_labels
from edge_tf.engines import side_by_side
from edge_tf.engines.base import Engine, UnavailableError
from edge_tf.engines.keras_float import KerasFloat
from edge_tf.engines.litert import LiteRTReference, LiteRTXnnpack
from edge_tf.engines.tflite_micro import TFLiteMicro
from edge_tf.errors import UserError
from edge_tf.evaluation import hop_table
from edge_tf.evaluation.report import ModelFacts, Report, write_report
from firmware_export import tflite_file


def evaluate(
    run: run_dir.RunDirectory, data: RunData, max_drop: float, max_clips: int = 0
) -> hop_table.HopTable:
    """Runs the test clips through every hop and writes the report.

    Args:
      run: a run whose conversion has finished.
      data: its data.
      max_drop: percentage points of accuracy that int8 may lose.
      max_clips: cap on test clips, evenly over the labels; 0: all.

    Returns:
      The table; its `failed` lists broken gates.

    Raises:
      UserError: something is missing.
    """
    if not 0 <= max_drop <= 100:
        raise UserError(f"--max_drop={max_drop} must be between 0 and 100 points")
    float_model = run.require(run_dir.FLOAT_MODEL)
    model = run.require(run_dir.INT8_MODEL).read_bytes()
    info = tflite_file.parse(model, str(run / run_dir.INT8_MODEL))
    testing = data.clips("testing")
    rows = np.arange(len(testing.labels))
    if max_clips:
        rows = spread_over_labels(testing.labels, max_clips)
    features = data.features(testing.samples[rows])

    began = time.perf_counter()
    engines: list[Engine] = [
        KerasFloat(float_model),
        LiteRTReference(model),
        LiteRTXnnpack(model),
        TFLiteMicro(model),
    ]
    outputs = side_by_side.run_all(engines, features)
    seconds = time.perf_counter() - began
    hops = []
    for engine, output in zip(engines, outputs, strict=True):
        if isinstance(output, UnavailableError):
            hops.append(
                hop_table.HopResult(
                    name=engine.name,
                    engine=engine.id,
                    bit_exact=engine.bit_exact,
                    unavailable=str(output),
                )
            )
            continue
        hops.append(
            hop_table.HopResult(
                name=engine.name,
                engine=engine.id,
                bit_exact=engine.bit_exact,
                outputs=output.logits,
                scale=output.scale,
                zero_point=output.zero_point,
                seconds_per_inference=output.seconds_per_inference,
            )
        )
    table = hop_table.build(hops, testing.labels[rows], max_drop=max_drop)
    run.record(
        "evaluate",
        {
            "clips": len(rows),
            "data_fingerprint": testing.fingerprint,
            "max_drop": max_drop,
            "seconds": round(seconds, 1),
            "accuracy": {row.engine: row.accuracy for row in table.rows},
        },
    )
    report = Report(
        table=table,
        labels=data.labels,
        title=f"edge_tf: {run.path.resolve().name}",
        clip_names=[testing.names[row] for row in rows],
        history=files.read_json(run.require(run_dir.HISTORY)),
        model=ModelFacts(
            file=run_dir.INT8_MODEL,
            file_bytes=info.byte_size,
            weight_bytes=info.constant_bytes(),
            tensors=len(info.tensors),
            parameters=run.stage("convert")["parameters"],
            ops=info.op_counts(),
        ),
        settings=run.config(),
    )
    write_report(report, run.path)
    return table
