"""The cohorts that ship: a simulator, two that arrive with torchxrayvision, and any folder with a `cohort.yaml`."""
