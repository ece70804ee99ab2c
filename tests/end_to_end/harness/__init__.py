"""What the end-to-end tests are made of: the programs as they were built, a real broker, tokens, waiting."""
