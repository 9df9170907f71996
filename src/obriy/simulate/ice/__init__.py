"""Sea-ice scenes with known truth: a made-up bay through its winters."""
