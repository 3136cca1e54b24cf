"""The study of `qpilot.disq`: which policy wins, under which drift, at equal iterations and at equal circuits."""
