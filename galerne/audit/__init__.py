"""What a record of fields is worth: measured once, judged by thresholds."""
