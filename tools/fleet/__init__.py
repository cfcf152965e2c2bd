"""What ten thousand sidecars ask of what they share: arithmetic, from figures measured once."""
