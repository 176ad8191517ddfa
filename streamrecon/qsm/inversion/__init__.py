"""From the local field to susceptibility: closed forms and iterations."""
