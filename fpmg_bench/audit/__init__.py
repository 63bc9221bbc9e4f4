"""The canary audit: made-up patients join the training by a fair coin each, and what comes out is asked who did."""
