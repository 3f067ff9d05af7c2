"""One way from any file, array or stream to 16 kHz mono at a level."""
