"""Backbones: what there is, where their weights come from, and how they fall into stages."""
