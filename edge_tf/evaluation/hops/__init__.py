"""The hop table: outputs of engines, figures of each hop, gates, kept predictions."""
