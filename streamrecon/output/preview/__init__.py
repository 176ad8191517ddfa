"""Pictures of volumes for a quick look: contact sheets and an HTML page."""
