"""The table of recording devices on a terminal."""

import dataclasses

from edge_tf.evaluation.hops import hop_table
from edge_tf.evaluation.report import hop_text, recording_text
from tests.edge_tf.evaluation.hops import recording_fixtures as scenes


def test_a_line_a_device_and_the_means():
    text = hop_text.render(scenes.table(wrong_unseen=5))
    lines = text[text.index("by recording device") :].splitlines()
    assert lines[1].split("  ")[-2:] != lines[2].split("  ")[-2:]
    found = {line.split("  ")[0]: line.split() for line in lines[4:9]}
    assert list(found) == ["recorded", "sim1", "sim2", "mean, seen", "mean, unseen"]
    assert found["recorded"][1:7] == ["yes", "20", "100.00", "±", "0.00", "-"]
    assert found["sim1"][1:7] == ["no", "20", "75.00", "±", "9.68", "25.00"]
    assert found["mean, unseen"][1:6] == ["unseen", "no", "40", "75.00", "25.00"]
    assert len({len(line) for line in lines[2:9]}) == 1, "columns are aligned"


def test_hops_with_the_bytes_of_another_or_with_few_clips_have_no_column():
    table = scenes.table()
    assert [row.name for row in recording_text.distinct_hops(table.rows)] == [
        "Keras float",
        "Reference",
    ]
    assert table.hops[2].outputs is not None
    table.hops[2].outputs[0, 0] += 1
    again = hop_table.build(table.hops, scenes.LABELS, devices=scenes.DEVICES)
    names = [row.name for row in recording_text.distinct_hops(again.rows)]
    assert names == ["Keras float", "Reference", "Micro"], "one that should and does not has"


def test_the_log_loss_stands_behind_the_accuracy():
    head, _, first, *_ = hop_text.render(scenes.table()).splitlines()
    assert "accuracy %       log loss" in head
    row = scenes.table().rows[0]
    assert f"{row.log_loss:.3f} ± {row.log_loss_error:.3f}" in first


def test_words_have_neither_log_loss_nor_devices():
    table = hop_table.build(scenes.hops(scenes.logits(5)), scenes.LABELS)
    assert "log loss" not in hop_text.render(table) and "device" not in hop_text.render(table)


def test_a_long_name_of_a_hop_widens_its_columns():
    hops = scenes.hops(scenes.logits(5))
    hops[0] = dataclasses.replace(hops[0], name="Keras " + "very " * 10 + "float")
    text = hop_text.render(hop_table.build(hops, scenes.LABELS, devices=scenes.DEVICES))
    lines = text[text.index("by recording device") :].splitlines()
    assert lines[1].index("Reference") + len("accuracy %") >= len(hops[0].name)
    assert len({len(line) for line in lines[2:9]}) == 1


def test_where_nothing_ran_it_says_so():
    away = scenes.hops(scenes.logits(5))[4]
    table = hop_table.build([away], scenes.LABELS, devices=scenes.DEVICES)
    assert "by recording device: no hop ran" in hop_text.render(table)


def test_numbers_in_words():
    assert recording_text.drop(-0.001) == "0.00" and recording_text.drop(-1.5) == "-1.50"
    assert recording_text.drop(None) == "-" and recording_text.loss(0.5) == "0.500"
