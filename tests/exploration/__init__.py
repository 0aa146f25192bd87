"""Every way a rollout can go: all sequences of events of `step`, up to where states repeat."""
