"""What the gate is shown at work on: a chat backend, and the demo."""
