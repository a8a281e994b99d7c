"""Cost of a model: instructions and bytes on boards, speed on this computer."""
