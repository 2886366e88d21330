"""The tests mirror the rooms of the studio; journeys drive a real Chromium."""
