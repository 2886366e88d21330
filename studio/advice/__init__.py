"""Advice that was measured on a person's own pictures: which backbone, how deep to thaw, and the rest of a recipe."""
