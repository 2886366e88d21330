"""A run is a folder: what was asked, what happened, what was learnt."""
