"""What is measured, and against what: durable creates, status reads and settles of the real service, beside baselines on the same machine.

`python -m bench` runs everything in interleaved rounds; `--short` is the one for every day.
"""
