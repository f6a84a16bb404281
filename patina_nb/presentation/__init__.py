"""What is shown, as pieces of plain text and HTML, for cells, the panel and the terminal alike."""
