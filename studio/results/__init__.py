"""What became of a run: how well it does, where it errs, what it says of a new picture."""
