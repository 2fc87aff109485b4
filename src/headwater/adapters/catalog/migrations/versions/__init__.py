"""The schema's revisions, oldest first by number. Once released, a revision never changes."""
