"""From manifests and clips to chunks of audio with frame targets."""
