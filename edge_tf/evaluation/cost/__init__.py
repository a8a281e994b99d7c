"""What a model costs: instructions and bytes on boards, speed on this computer."""
