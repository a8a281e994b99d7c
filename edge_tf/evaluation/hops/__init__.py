"""The hop table: outputs of engines, figures per hop, gates, saved predictions."""
