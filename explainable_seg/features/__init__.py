"""What the models see: log-power spectrogram and WavLM, on one grid."""
