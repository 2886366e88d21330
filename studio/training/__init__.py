"""The engine: `for event in train(recipe): ...` is all of it."""
