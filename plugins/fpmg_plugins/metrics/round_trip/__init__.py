"""What encoding and decoding lose, modality by modality."""
