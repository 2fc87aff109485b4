"""Pure: storage format to Markdown with named losses, chunking, planning."""
