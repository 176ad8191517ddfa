"""Images that a user gives: files, echoes, phase, masks, headers."""
