"""Named albumentations transforms, presets, and the one pipeline that both preview and training use."""
