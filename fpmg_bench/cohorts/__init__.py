"""Patients in and out: the folder format, drafts of a cohort.yaml, fetched cohorts."""
