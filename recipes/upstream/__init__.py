"""This project as a contribution to SpeechBrain: ``make upstream``."""
